package bareserver

import (
	"net/http"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// Relay is an RTSP server that passes the packets of its publishers to its readers, by gortsplib, and does nothing else.
type Relay struct {
	rtsp gortsplib.Server

	mu      sync.Mutex // guards streams
	streams map[string]*gortsplib.ServerStream
}

// StartRelay starts a relay on a TCP address. The caller must close it.
func StartRelay(address string) (*Relay, error) {
	r := &Relay{streams: map[string]*gortsplib.ServerStream{}}
	r.rtsp = gortsplib.Server{Handler: r, RTSPAddress: address}
	return r, r.rtsp.Start()
}

// Close stops the relay.
func (r *Relay) Close() { r.rtsp.Close() }

// stream returns the stream of a path; nil: it has no publisher.
func (r *Relay) stream(path string) *gortsplib.ServerStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[path]
}

// OnAnnounce implements a handler of gortsplib: it makes the stream of a publisher.
func (r *Relay) OnAnnounce(c *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	stream := &gortsplib.ServerStream{Server: &r.rtsp, Desc: c.Description}
	if err := stream.Initialize(); err != nil {
		return &base.Response{StatusCode: base.StatusBadRequest}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[c.Path] = stream
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnDescribe implements a handler of gortsplib.
func (r *Relay) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	stream := r.stream(c.Path)
	if stream == nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, stream, nil
}

// OnSetup implements a handler of gortsplib.
func (r *Relay) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	}
	stream := r.stream(c.Path)
	if stream == nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, stream, nil
}

// OnPlay implements a handler of gortsplib.
func (r *Relay) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnRecord implements a handler of gortsplib: it begins to pass packets.
func (r *Relay) OnRecord(c *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	stream := r.stream(c.Path)
	c.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		_ = stream.WritePacketRTP(m, p) // an error is that of a reader
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// sendEvery is the time between two writes of Send: that of the parts of a live stream.
const sendEvery = 200 * time.Millisecond

// Send returns a handler that sends an endless answer of bytesPerSecond, at once to all clients, and nothing else.
func Send(bytesPerSecond int) http.Handler {
	part := make([]byte, int64(bytesPerSecond)*int64(sendEvery)/int64(time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		out, tick := http.NewResponseController(w), time.NewTicker(sendEvery)
		defer tick.Stop()
		for {
			if _, err := w.Write(part); err != nil || out.Flush() != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
}
