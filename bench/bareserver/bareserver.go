// Package bareserver is an RTSP server for comparison with a recorder: it decodes the packets of its publishers into
// access units with gortsplib, and discards them. A recorder with gortsplib cannot cost less.
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

// Server is an RTSP server that accepts publishers of H.264 over TCP, decodes their access units and discards them.
type Server struct {
	rtsp  gortsplib.Server
	addr  string
	count struct{ sessions, units, bytes, errors, lost atomic.Int64 }
}

// Stats holds the totals of a server since its start.
type Stats struct {
	Sessions int64 `json:"sessions"`      // sessions that began to publish
	Units    int64 `json:"access_units"`  // decoded access units
	Bytes    int64 `json:"bytes"`         // bytes of their NAL units
	Errors   int64 `json:"decode_errors"` // packets that could not be decoded
	Lost     int64 `json:"packets_lost"`
}

// Start starts a server on a TCP address. The caller must close it.
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

// OnRecord implements a handler of gortsplib: it begins to decode the H.264 tracks of a publisher.
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

// discard decodes the packets of a track into access units, counts them and discards them.
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
			return // the access unit needs more packets, or OnDecodeError counts the error
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

// OnPacketsLost implements a handler of gortsplib: it counts lost packets.
func (s *Server) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	s.count.lost.Add(int64(ctx.Lost))
}

// OnDecodeError implements a handler of gortsplib: it counts packets that cannot be decoded.
func (s *Server) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) { s.count.errors.Add(1) }
