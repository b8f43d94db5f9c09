package hls

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"
)

// The bounds of the time in which a resource is waited for. A source bounds each silence by its timeout, but a server may
// send a byte now and then.
const (
	smallTimes   = 3 // timeouts, for a playlist, a key or an initialisation section
	segmentTimes = 10
	leastTime    = time.Minute // for a segment
)

// timeFor returns the time in which a piece is waited for.
func (r *rendition) timeFor(p *piece) time.Duration {
	if r.ReadTimeout == 0 {
		return 0
	}
	return max(r.ReadTimeout+segmentTimes*min(p.duration, mostLost), leastTime)
}

// opener returns a function that opens a resource. All that it opens is waited for within a time; 0: for ever. The time
// between two reads does not count: the media is published at its own pace.
func (r *rendition) opener(ctx context.Context, u *url.URL, of Range, within time.Duration) func() (*Resource, error) {
	if within == 0 {
		return func() (*Resource, error) { return r.Source.Open(ctx, u, of) }
	}
	left := within
	return func() (*Resource, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		slow := fmt.Errorf("the server sends too slowly: it is not complete after %v", within)
		w := &waited{left: &left, cancel: cancel, timer: time.AfterFunc(left, func() { cancel(slow) })}
		from := time.Now()
		got, err := r.Source.Open(ctx, u, of)
		w.stop(from)
		if err != nil {
			cancel(nil)
			return nil, err
		}
		w.ReadCloser = got.ReadCloser
		return &Resource{w, got.URL}, nil
	}
}

// waited is a resource that is waited for within a time.
type waited struct {
	io.ReadCloser
	left   *time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer // cancels when no time is left
}

func (w *waited) Read(b []byte) (int, error) {
	from := time.Now()
	w.timer.Reset(*w.left)
	n, err := w.ReadCloser.Read(b)
	w.stop(from)
	return n, err
}

// stop ends a wait that began at a time.
func (w *waited) stop(from time.Time) {
	w.timer.Stop()
	*w.left = max(*w.left-time.Since(from), 0)
}

// Close closes the resource.
func (w *waited) Close() error {
	w.timer.Stop()
	err := w.ReadCloser.Close()
	w.cancel(nil)
	return err
}
