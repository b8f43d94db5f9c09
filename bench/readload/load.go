package readload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Load describes N readers. Run runs them. Use a Load for one Run only.
type Load struct {
	Protocol string // rtsp, fmp4 or hls
	URL      string // what to read, with %d for the number of a stream: rtsp://host/live/cam%03d
	Streams  int    // number of streams; readers are shared out among them
	N        int

	bytes []atomic.Int64
}

// protocols holds, by name, the functions that read a URL until ctx ends. Each calls ready when media comes, and writes what it
// gets to w.
var protocols = map[string]func(ctx context.Context, url string, ready func(), w io.Writer) error{
	"rtsp": readRTSP,
	"fmp4": readHTTP,
	"hls":  readHLS,
}

// Totals counts what the readers have received.
type Totals struct {
	Readers int   `json:"readers"`
	Bytes   int64 `json:"read_bytes"`
	Least   int64 `json:"least_bytes"` // of one reader
}

// counted counts the bytes of one reader.
type counted struct{ n *atomic.Int64 }

// Write counts the bytes.
func (c counted) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// Start starts the readers as goroutines, which end with ctx, and returns when media has come to all of them. wait waits for their end,
// and returns the first error. If a reader fails before, Start returns its error.
func (l *Load) Start(ctx context.Context) (wait func() error, err error) {
	read := protocols[l.Protocol]
	if read == nil {
		return nil, fmt.Errorf("readload: %q is none of rtsp, fmp4 and hls", l.Protocol)
	}
	l.bytes = make([]atomic.Int64, l.N)
	ctx, cancel := context.WithCancelCause(ctx)
	var running, ready sync.WaitGroup
	ready.Add(l.N)
	for i := range l.N {
		running.Go(func() {
			once := sync.OnceFunc(ready.Done)
			defer once()
			if err := read(ctx, fmt.Sprintf(l.URL, i%l.Streams+1), once, counted{&l.bytes[i]}); ctx.Err() == nil {
				cancel(fmt.Errorf("reader %d: %w", i+1, errors.Join(err, io.ErrUnexpectedEOF)))
			}
		})
	}
	ready.Wait()
	wait = func() error {
		running.Wait()
		defer cancel(nil)
		if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
	if ctx.Err() != nil {
		return nil, wait()
	}
	return wait, nil
}

// Totals returns the totals so far.
func (l *Load) Totals() Totals {
	t := Totals{Readers: l.N}
	for i := range l.bytes {
		n := l.bytes[i].Load()
		if t.Bytes += n; i == 0 || n < t.Least {
			t.Least = n
		}
	}
	return t
}
