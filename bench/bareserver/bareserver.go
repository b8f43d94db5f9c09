// Package bareserver is the yardstick for live recording: a gortsplib server that decodes the publishers' packets
// into access units and discards them. A recorder cannot cost less.
package bareserver

import (
	"net"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// Server accepts publishers of H.264 over TCP.
type Server struct {
	rtsp  gortsplib.Server
	addr  string
	count struct{ sessions, units, bytes, errors, lost atomic.Int64 }
}

// Stats are the totals of a server.
type Stats struct {
	Sessions int64 `json:"sessions"` // that ever began to record
	Units    int64 `json:"access_units"`
	Bytes    int64 `json:"bytes"` // of NAL units
	Errors   int64 `json:"decode_errors"`
	Lost     int64 `json:"packets_lost"`
}

// Start listens on an address until Close.
func Start(address string) (*Server, error) {
	s := &Server{}
	s.rtsp = gortsplib.Server{Handler: s, RTSPAddress: address, Listen: func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err == nil {
			s.addr = l.Addr().String()
		}
		return l, err
	}}
	if err := s.rtsp.Start(); err != nil {
		return nil, err
	}
	return s, nil
}

// Address returns the address at which the server listens.
func (s *Server) Address() string { return s.addr }

// Close ends all sessions.
func (s *Server) Close() { s.rtsp.Close() }

// Stats may be called at any time.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{c.sessions.Load(), c.units.Load(), c.bytes.Load(), c.errors.Load(), c.lost.Load()}
}

// OnAnnounce accepts every publisher.
func (s *Server) OnAnnounce(*gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSetup refuses readers.
func (s *Server) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() != gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

// OnRecord begins to decode and discard.
func (s *Server) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	for _, media := range ctx.Session.AnnouncedDescription().Medias {
		for _, f := range media.Formats {
			if h264, ok := f.(*format.H264); ok {
				if err := s.discard(ctx.Session, media, h264); err != nil {
					return &base.Response{StatusCode: base.StatusBadRequest}, err
				}
			}
		}
	}
	s.count.sessions.Add(1)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (s *Server) discard(session *gortsplib.ServerSession, media *description.Media, f *format.H264) error {
	dec, err := f.CreateDecoder()
	if err != nil {
		return err
	}
	session.OnPacketRTP(media, f, func(pkt *rtp.Packet) {
		if _, ok := session.PacketPTS(media, pkt); !ok {
			return
		}
		au, err := dec.Decode(pkt)
		if err != nil {
			return // more packets are needed, or it is counted by OnDecodeError
		}
		n := 0
		for _, nal := range au {
			n += len(nal)
		}
		s.count.units.Add(1)
		s.count.bytes.Add(int64(n))
	})
	return nil
}

// OnPacketsLost counts packets that the network lost.
func (s *Server) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	s.count.lost.Add(int64(ctx.Lost))
}

// OnDecodeError counts broken packets.
func (s *Server) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) { s.count.errors.Add(1) }
