package publishload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/bench/clip"
)

// Load describes N publishers that each send Clip in a loop to a server. Run runs them. Stats counts from the first Run
// on, so use a Load for one Run only.
type Load struct {
	// URL is where to publish, with %d for the publisher's number: rtsp://host/live/cam%03d. In a udp URL the port is
	// that of the first publisher, and each of the others has the next port.
	URL     string
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
	Packets    int64 `json:"packets"`      // packets of RTP, messages of RTMP, or datagrams of MPEG-TS
	Bytes      int64 `json:"bytes"`        // bytes of their payloads
	Late       int64 `json:"late"`         // access units sent later than one frame after their time
	Full       int64 `json:"queue_full"`   // how often a publisher waited 1 ms because its queue of packets was full
}

// counters holds the counts of all publishers of a load: see Stats.
type counters struct {
	publishers, units, packets, bytes, late, full atomic.Int64
}

// Stats returns the totals so far. It is safe for concurrent use with Run.
func (l *Load) Stats() Stats {
	c := &l.count
	return Stats{c.publishers.Load(), c.units.Load(), c.packets.Load(), c.bytes.Load(), c.late.Load(), c.full.Load()}
}

// Sent returns what each publisher has sent, in order of their numbers. Call it after Run has returned.
func (l *Load) Sent() []Sent { return l.sent }

// connection carries the stream of one publisher by a protocol.
type connection interface {
	// picture sends the n-th picture since the publisher began, from 0. ok is false with an error, and if ctx ended
	// before the whole picture was sent.
	picture(ctx context.Context, n int64) (ok bool, err error)
	// sound sends frames of sound that follow each other, the first of them at a time in ticks of movie.AudioScale. ok is
	// false as for picture. The slice is valid during the call, the frames for good.
	sound(ctx context.Context, frames [][]byte, first int64) (ok bool, err error)
	// finish waits until the server has what was sent, as far as the protocol can tell.
	finish() error
	// close closes the connection.
	close()
}

// dial opens the connection of a publisher, with its number from 1, and announces its stream. ctx bounds the opening.
type dial func(ctx context.Context, url string, number int) (connection, error)

// protocols holds, by the scheme of the URL, functions that make the form in which the clip of a load is sent.
var protocols = map[string]func(l *Load) (dial, error){
	"rtsp": rtspDialer,
	"rtmp": rtmpDialer,
	"srt":  srtDialer,
	"udp":  udpDialer,
}

// dialer returns the dial of the load's protocol.
func (l *Load) dialer() (dial, error) {
	if l.N < 1 || len(l.Clip.Units) == 0 || l.Clip.FPS < 1 {
		return nil, errors.New("no publisher, no clip, or a clip without frame rate")
	}
	scheme, _, _ := strings.Cut(l.URL, "://")
	prepare := protocols[scheme]
	if prepare == nil {
		return nil, fmt.Errorf("the URL %s has none of the schemes %s", l.URL, strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
	}
	return prepare(l)
}

// urlOf returns the URL of a publisher.
func (l *Load) urlOf(number int) string {
	if !strings.Contains(l.URL, "%") {
		return l.URL
	}
	return fmt.Sprintf(l.URL, number)
}

// Run publishes until the context ends. A publisher then waits until the server has what was sent. Run then returns nil,
// or the cause of the end if that is neither context.Canceled nor context.DeadlineExceeded. If a publisher fails, Run
// stops all publishers and returns the error.
func (l *Load) Run(ctx context.Context) error {
	dial, err := l.dialer()
	if err != nil {
		return fmt.Errorf("publishload: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running, ready sync.WaitGroup
	ready.Add(l.N)
	apart, together := time.Second*time.Duration(l.Clip.GOP())/time.Duration(l.Clip.FPS)/time.Duration(l.N), make(chan struct{})
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
				url: l.urlOf(i + 1), number: i + 1, dial: dial, fps: int64(l.Clip.FPS), withSound: l.Sound, fast: l.Fast, begin: together,
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
