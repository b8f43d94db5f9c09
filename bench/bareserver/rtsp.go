package bareserver

import (
	"fmt"
	"net"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest/rtsp"
)

// RTSP is an RTSP server that accepts publishers of H.264 and AAC over TCP, decodes their access units with gortsplib and
// discards them. It reads from the network as gortsplib does, or as spool does (see rtsp.ReadAhead): a recorder with
// gortsplib and the same way of reading cannot cost less.
type RTSP struct {
	rtsp  gortsplib.Server
	addr  string
	count counts
}

// StartRTSP starts a server on a TCP address. readAhead makes it read from the network as spool does. The caller must
// close the server.
func StartRTSP(address string, readAhead bool) (*RTSP, error) {
	s := &RTSP{}
	s.rtsp = gortsplib.Server{Handler: s, RTSPAddress: address, Listen: func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		s.addr = l.Addr().String()
		if readAhead {
			l = aheadListener{l}
		}
		return l, nil
	}}
	if err := s.rtsp.Start(); err != nil {
		return nil, err
	}
	return s, nil
}

// aheadListener accepts connections that read ahead.
type aheadListener struct{ net.Listener }

// Accept returns the next connection.
func (l aheadListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return rtsp.ReadAhead(c), nil
}

// Address returns the address at which the server listens.
func (s *RTSP) Address() string { return s.addr }

// Close stops the server and ends all its sessions.
func (s *RTSP) Close() { s.rtsp.Close() }

// Stats returns the totals so far. It is safe for concurrent use.
func (s *RTSP) Stats() Stats { return s.count.stats() }

// OnAnnounce implements a handler of gortsplib: it accepts every publisher.
func (s *RTSP) OnAnnounce(*gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSetup implements a handler of gortsplib: it accepts publishers and refuses readers.
func (s *RTSP) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() != gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

// OnRecord implements a handler of gortsplib: it begins to decode the tracks of a publisher. It refuses a track that is
// neither H.264 nor AAC.
func (s *RTSP) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	for _, media := range ctx.Session.AnnouncedDescription().Medias {
		for _, f := range media.Formats {
			decode, err := decoder(f)
			if err != nil {
				return &base.Response{StatusCode: base.StatusUnsupportedMediaType}, err
			}
			s.discard(ctx.Session, media, f, decode)
		}
	}
	s.count.sessions.Add(1)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// decoder returns a function that returns the access units which a packet completes. parts are the NAL units of one
// picture, or frames of sound. It returns an error if more packets are needed.
func decoder(f format.Format) (decode func(*rtp.Packet) (parts [][]byte, units int, err error), err error) {
	switch f := f.(type) {
	case *format.H264:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		return func(pkt *rtp.Packet) ([][]byte, int, error) {
			au, err := d.Decode(pkt)
			return au, 1, err
		}, nil
	case *format.MPEG4Audio:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		return func(pkt *rtp.Packet) ([][]byte, int, error) {
			frames, err := d.Decode(pkt)
			return frames, len(frames), err
		}, nil
	}
	return nil, fmt.Errorf("a track of %s: only H.264 and AAC are supported", f.Codec())
}

// discard decodes the packets of a track into access units, counts them and discards them.
func (s *RTSP) discard(
	session *gortsplib.ServerSession, media *description.Media, f format.Format,
	decode func(*rtp.Packet) ([][]byte, int, error),
) {
	session.OnPacketRTP(media, f, func(pkt *rtp.Packet) {
		if _, ok := session.PacketPTS(media, pkt); !ok {
			return
		}
		parts, units, err := decode(pkt)
		if err != nil {
			return // the access unit needs more packets, or OnDecodeError counts the error
		}
		s.count.add(parts, units)
	})
}

// OnPacketsLost implements a handler of gortsplib: it counts lost packets.
func (s *RTSP) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	s.count.lost.Add(int64(ctx.Lost))
}

// OnDecodeError implements a handler of gortsplib: it counts packets that cannot be decoded.
func (s *RTSP) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) { s.count.errors.Add(1) }
