package rtspload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/bench/clip"
)

// Load describes N publishers that each send Clip in a loop to an RTSP server. Run runs them. Stats counts from the
// first Run on, so use a Load for one Run only.
type Load struct {
	URL     string     // where to publish, with %d for the publisher's number: rtsp://host/live/cam%03d
	N       int        // number of publishers, which are numbered from 1
	Clip    *clip.Clip // clip that each publisher sends in a loop
	Sound   bool       // send AAC, too
	Fast    bool       // send as fast as possible instead of in real time
	InPhase bool       // all publishers connect at once, and send their first picture at the same moment
	Ready   func()     // called once, when all publishers publish; may be nil
	count   counters
	sent    []Sent
}

// Sent counts what one publisher has sent: the pictures of the clip in order, again and again, and numbered frames of
// sound.
type Sent struct {
	Pictures int64 `json:"pictures"`
	Frames   int64 `json:"frames"`
}

// Stats holds the totals of all publishers of a Load since Run began.
type Stats struct {
	Publishers int64 `json:"publishers"`   // publishers that publish now
	Units      int64 `json:"access_units"` // pictures and frames of sound
	Packets    int64 `json:"packets"`
	Bytes      int64 `json:"bytes"`      // bytes of RTP payload
	Late       int64 `json:"late"`       // access units sent later than one frame after their time
	Full       int64 `json:"queue_full"` // how often a publisher waited 1 ms because its queue of packets was full
}

// Stats returns the totals so far. It is safe for concurrent use with Run.
func (l *Load) Stats() Stats {
	c := &l.count
	return Stats{c.publishers.Load(), c.units.Load(), c.packets.Load(), c.bytes.Load(), c.late.Load(), c.full.Load()}
}

// Sent returns what each publisher has sent, in order of their numbers. Call it after Run has returned.
func (l *Load) Sent() []Sent { return l.sent }

// Run publishes until the context ends. A publisher then waits until its last packet is written. Run then returns nil, or the cause of the end if that is neither
// context.Canceled nor context.DeadlineExceeded. If a publisher fails, Run stops all publishers and returns the error.
func (l *Load) Run(ctx context.Context) error {
	if l.N < 1 || len(l.Clip.Units) == 0 || l.Clip.FPS < 1 {
		return errors.New("rtspload: no publisher, no clip, or a clip without frame rate")
	}
	pkts, err := packetize(l.Clip)
	if err != nil {
		return fmt.Errorf("rtspload: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running, ready sync.WaitGroup
	ready.Add(l.N)
	apart, together := time.Second*time.Duration(pkts.gop)/time.Duration(l.Clip.FPS)/time.Duration(l.N), make(chan struct{})
	if l.InPhase {
		apart = 0
	} else {
		close(together)
	}
	l.sent = make([]Sent, l.N)
	for i := range l.N {
		running.Go(func() {
			once := sync.OnceFunc(ready.Done)
			defer once()
			if !pause(ctx, apart*time.Duration(i)) {
				return
			}
			p := &publisher{
				url: fmt.Sprintf(l.URL, i+1), packets: pkts, withSound: l.Sound, fast: l.Fast, begin: together,
				count: &l.count, sent: &l.sent[i],
			}
			if err := p.run(ctx, once); err != nil {
				cancel(err)
			}
		})
	}
	ready.Wait()
	if l.InPhase {
		close(together)
	}
	if ctx.Err() == nil && l.Ready != nil {
		l.Ready()
	}
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// pause waits for a time. It returns false if the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
