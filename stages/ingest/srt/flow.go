package srt

import (
	"cmp"
	"errors"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// flow passes the data of a connection to its publisher.
type flow struct {
	flowOptions
	publish func() (*hub.Publisher, error)
	zero    time.Time    // times as numbers of ns are since it
	heard   atomic.Int64 // newest data, ns; 0: none has come

	mu      sync.Mutex // guards the fields below
	demuxer *mpegts.Demuxer
	lost    uint64 // packets that are not yet counted, because the stream is not open
	losses  uint64 // of the connection
	openNS  int64  // when the stream was open last; 0: it has not been
	closed  bool
}

type flowOptions struct {
	clock       pipeline.Clock
	log         *slog.Logger
	openWithin  time.Duration // a stream must be found within it
	readTimeout time.Duration // longest silence, unless the stream has one of its own; 0: none
}

var (
	errNothing = errors.New("it sends nothing")
	errNoTS    = errors.New("it sends no MPEG-TS with a stream that can be recorded")
	errQuiet   = errors.New("it sends no data any more")
)

func newFlow(o flowOptions) *flow {
	f := &flow{flowOptions: o, zero: o.clock.Now()}
	f.demuxer = mpegts.NewDemuxer(mpegts.Options{
		Publish: func() (*hub.Publisher, error) { return f.publish() }, Clock: o.clock, Log: o.log,
	})
	return f
}

// data takes a packet. An error ends the connection.
func (f *flow) data(p transport.Packet) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return hub.ErrReplaced
	}
	f.heard.Store(max(int64(f.clock.Now().Sub(f.zero)), 1))
	if p.Lost > 0 {
		f.missing(p.Lost)
	}
	err := f.demuxer.Data(p.Data, p.At)
	if f.demuxer.Publisher() != nil {
		f.openNS = f.heard.Load()
	}
	f.count()
	return err
}

// missing records the loss of packets.
func (f *flow) missing(n uint64) {
	f.demuxer.Missing()
	before := f.losses
	f.losses += n
	f.lost += n
	if bits.Len64(before) != bits.Len64(f.losses) { // each time that the number has doubled
		f.log.Warn("packets were lost and could not be sent again in time", "packets_so_far", f.losses, "hint", "a longer latency, on either side")
	}
}

// count counts lost packets once the stream is open.
func (f *flow) count() {
	if f.lost == 0 {
		return
	}
	if pub := f.demuxer.Publisher(); pub != nil {
		pub.Lost(media.DropSRTLoss, f.lost)
		f.lost = 0
	}
}

// look returns an error if the connection must end because of silence.
func (f *flow) look(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return hub.ErrReplaced
	}
	age, heard := now.Sub(f.zero), time.Duration(f.heard.Load())
	pub := f.demuxer.Publisher()
	if pub == nil {
		switch late := age-time.Duration(f.openNS) > f.openWithin; {
		case late && heard == 0:
			return errNothing
		case late:
			return errNoTS
		}
		return nil
	}
	f.openNS = int64(age)
	select {
	case <-pub.Done():
		return hub.ErrReplaced
	default:
	}
	if limit := cmp.Or(pub.Timing().ReadTimeout, f.readTimeout); limit > 0 && age-heard > limit {
		return errQuiet
	}
	return nil
}

// opened reports whether the stream has been open.
func (f *flow) opened() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.openNS > 0
}

// silence returns the time since the newest data, or hub.NotBegun: see hub.PublishOptions.
func (f *flow) silence() time.Duration {
	heard := time.Duration(f.heard.Load())
	if heard == 0 {
		return hub.NotBegun
	}
	return f.clock.Now().Sub(f.zero) - heard
}

// close ends the publication with a cause. A publisher that is lost may come back, unless it has closed the connection
// itself. Only the first call has an effect. It must not be called by publish.
func (f *flow) close(cause media.Cause, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	f.count()
	if lost {
		f.demuxer.Disconnect()
		return
	}
	f.demuxer.Close(cause)
}
