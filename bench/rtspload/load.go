package rtspload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/bench/clip"
)

// Load publishes one clip N times.
type Load struct {
	URL   string // with one %d for the publisher's number, from 1: rtsp://127.0.0.1:8554/live/cam%03d
	N     int
	Clip  *clip.Clip
	Fast  bool   // as fast as possible instead of in real time
	Ready func() // called when all publish; may be nil
	count counters
}

// Stats are the totals of a load.
type Stats struct {
	Publishers int64 `json:"publishers"` // at this moment
	Units      int64 `json:"access_units"`
	Packets    int64 `json:"packets"`
	Bytes      int64 `json:"bytes"` // of RTP payload
	Late       int64 `json:"late"`  // access units sent more than a frame late
	Full       int64 `json:"queue_full"`
}

// Stats may be called at any time.
func (l *Load) Stats() Stats {
	c := &l.count
	return Stats{c.publishers.Load(), c.units.Load(), c.packets.Load(), c.bytes.Load(), c.late.Load(), c.full.Load()}
}

// Run publishes until the context ends, which is no error, or until a publisher fails, which stops all.
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
	apart := time.Second * time.Duration(pkts.gop) / time.Duration(l.Clip.FPS) / time.Duration(l.N)
	for i := range l.N {
		running.Go(func() {
			once := sync.OnceFunc(ready.Done)
			defer once()
			if !pause(ctx, apart*time.Duration(i)) {
				return
			}
			p := &publisher{url: fmt.Sprintf(l.URL, i+1), packets: pkts, fast: l.Fast, count: &l.count}
			if err := p.run(ctx, once); err != nil {
				cancel(err)
			}
		})
	}
	ready.Wait()
	if ctx.Err() == nil && l.Ready != nil {
		l.Ready()
	}
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

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
