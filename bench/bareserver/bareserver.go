// Package bareserver is an RTSP server for comparison with a recorder: it decodes the packets of its publishers into
// access units with gortsplib, and discards them. It reads from the network as gortsplib does, or as spool does (see
// rtsp.ReadAhead): a recorder with gortsplib and the same way of reading cannot cost less.
package bareserver

import (
	"fmt"
	"net"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest/rtsp"
)

// Server is an RTSP server that accepts publishers of H.264 and AAC over TCP, decodes their access units and discards
// them.
type Server struct {
	rtsp  gortsplib.Server
	addr  string
	count struct{ sessions, units, bytes, errors, lost atomic.Int64 }
}

// Stats holds the totals of a server since its start.
type Stats struct {
	Sessions int64 `json:"sessions"`      // sessions that began to publish
	Units    int64 `json:"access_units"`  // decoded access units: pictures and frames of sound
	Bytes    int64 `json:"bytes"`         // bytes of their NAL units, or of the frames
	Errors   int64 `json:"decode_errors"` // packets that could not be decoded
	Lost     int64 `json:"packets_lost"`
}

// Start starts a server on a TCP address. readAhead makes it read from the network as spool does. The caller must
// close the server.
func Start(address string, readAhead bool) (*Server, error) {
	s := &Server{}
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
func (s *Server) Address() string { return s.addr }

// Close stops the server and ends all its sessions.
func (s *Server) Close() { s.rtsp.Close() }

// Stats returns the totals so far. It is safe for concurrent use.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{c.sessions.Load(), c.units.Load(), c.bytes.Load(), c.errors.Load(), c.lost.Load()}
}

// OnAnnounce implements a handler of gortsplib: it accepts every publisher.
func (s *Server) OnAnnounce(*gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSetup implements a handler of gortsplib: it accepts publishers and refuses readers.
func (s *Server) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() != gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

// OnRecord implements a handler of gortsplib: it begins to decode the tracks of a publisher. It refuses a track that is
// neither H.264 nor AAC.
func (s *Server) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
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
func (s *Server) discard(
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
		n := 0
		for _, part := range parts {
			n += len(part)
		}
		s.count.bytes.Add(int64(n)) // first: a caller of Stats that sees a unit sees its bytes
		s.count.units.Add(int64(units))
	})
}

// OnPacketsLost implements a handler of gortsplib: it counts lost packets.
func (s *Server) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	s.count.lost.Add(int64(ctx.Lost))
}

// OnDecodeError implements a handler of gortsplib: it counts packets that cannot be decoded.
func (s *Server) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) { s.count.errors.Add(1) }
