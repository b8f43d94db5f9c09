package e2e

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// relay is an RTSP server that gives the packets of each publisher to one reader, whatever their codec. A publisher waits
// until its reader plays, so the reader gets all packets.
type relay struct {
	lib    *gortsplib.Server
	url    string
	mu     sync.Mutex
	relays map[string]*relayed // by path
}

// relayed is a published stream.
type relayed struct {
	of        *gortsplib.ServerSession
	stream    *gortsplib.ServerStream
	announced chan struct{}
	played    chan struct{}
	once      sync.Once // closes played

	reader *gortsplib.ServerConn
	before uint64        // bytes that the reader had got when it played
	queued atomic.Uint64 // bytes of packets for it since then
}

// interleavedBytes is the size of the header of a packet in a connection (RFC 2326, 10.12).
const interleavedBytes = 4

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{url: "rtsp://" + l.Addr().String(), relays: map[string]*relayed{}}
	r.lib = &gortsplib.Server{
		Handler: r, RTSPAddress: l.Addr().String(), Listen: func(string, string) (net.Listener, error) { return l, nil },
		WriteQueueSize: 4096, DisableRTCPSenderReports: true,
	}
	require.NoError(t, r.lib.Start())
	t.Cleanup(r.lib.Close)
	return r
}

// at returns the stream of a path, which its publisher may not have announced yet.
func (r *relay) at(path string) *relayed {
	r.mu.Lock()
	defer r.mu.Unlock()
	path = strings.Trim(path, "/")
	if r.relays[path] == nil {
		r.relays[path] = &relayed{announced: make(chan struct{}), played: make(chan struct{})}
	}
	return r.relays[path]
}

func (r *relay) OnAnnounce(x *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	s := r.at(x.Path)
	s.of, s.stream = x.Session, &gortsplib.ServerStream{Server: r.lib, Desc: x.Description}
	if err := s.stream.Initialize(); err != nil {
		return &base.Response{StatusCode: base.StatusBadRequest}, err
	}
	close(s.announced)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *relay) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, r.at(x.Path).stream, nil
}

func (r *relay) OnSetup(x *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if s := r.at(x.Path); x.Session != s.of {
		return &base.Response{StatusCode: base.StatusOK}, s.stream, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

func (r *relay) OnPlay(x *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s := r.at(x.Path)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.reader, s.before = x.Conn, x.Conn.Stats().OutboundBytes
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnResponse lets the publisher of a stream go on once its reader plays: before the response to PLAY the library gives it
// no packets.
func (r *relay) OnResponse(c *gortsplib.ServerConn, _ *base.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.relays {
		if s.reader == c {
			s.once.Do(func() { close(s.played) })
		}
	}
}

func (r *relay) OnRecord(x *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s := r.at(x.Path)
	<-s.played
	x.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		if s.stream.WritePacketRTP(m, p) == nil { // else the reader has left
			s.queued.Add(interleavedBytes + uint64(p.MarshalSize()))
		}
	})
	// The publisher's sender reports pass as they are, for they say which pictures and which sound belong together.
	x.Session.OnPacketRTCPAny(func(m *description.Media, p rtcp.Packet) {
		if report, ok := p.(*rtcp.SenderReport); ok {
			for _, f := range s.stream.Stats().Medias[m].Formats {
				report.SSRC = f.LocalSSRC
			}
			_ = s.stream.WritePacketRTCP(m, report)
		}
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSessionClose ends the stream of a publisher that has left.
func (r *relay) OnSessionClose(x *gortsplib.ServerHandlerOnSessionCloseCtx) {
	for _, s := range r.of(x.Session) {
		s.drain()
		s.stream.Close()
	}
}

// of returns the streams of a publisher.
func (r *relay) of(publisher *gortsplib.ServerSession) (list []*relayed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.relays {
		if s.of == publisher {
			list = append(list, s)
		}
	}
	return list
}

// drain waits until the reader has got all packets, because Close drops those in the queue. The response to PLAY and the
// sender reports, which s.queued leaves out, have less than half the bytes of the reports that drain sends.
func (s *relayed) drain() {
	if s.reader == nil {
		return
	}
	const reports, reportBytes = 1000, interleavedBytes + 8
	for range reports {
		if s.stream.WritePacketRTCP(s.stream.Desc.Medias[0], &rtcp.ReceiverReport{}) != nil {
			return
		}
	}
	all := s.before + s.queued.Load() + reports*reportBytes/2
	for deadline := time.Now().Add(patience); s.reader.Stats().OutboundBytes < all && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // the library tells nothing
	}
}
