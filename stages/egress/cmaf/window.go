package cmaf

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrEnded is the error of a Client whose packager has ended: the recorder shuts down.
var ErrEnded = errors.New("the live stream has ended")

// window holds the newest parts of a stream. It implements media.Queue: the memory budget drops from it before any recording
// loses media.
type window struct {
	maxBytes int

	mu      sync.Mutex // guards the fields below
	keepNS  int64
	parts   []*Part // the oldest first, beginning with the first part of a segment; the window owns a reference to each
	bytes   int
	init    *Init // of the newest tracks; nil: not known yet, or players know none of them
	known   bool  // the tracks are known
	ended   bool
	changed chan struct{} // closed at the next change
	bounds  Limits
	fixed   bool // bounds are
	past    past
}

// keep sets the duration of the parts that the window holds, and that of what playlists list beyond them; 0: nothing.
func (w *window) keep(held, listed time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keepNS, w.past.listNS = held.Nanoseconds(), listed.Nanoseconds()
	if listed == 0 {
		w.past.list, w.past.ns = nil, 0
	}
}

// newestParts is the number of newest parts that keep a copy of their bytes: see Part.Bytes.
const newestParts = 16

// push adds a part, and takes over its reference. It drops the oldest segments that the window need not hold: the key frame at
// which new clients begin stays as long as the window is within its bytes.
func (w *window) push(part *Part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = append(w.parts, part)
	w.bytes += part.SizeBytes
	if n := len(w.parts) - newestParts; n > 0 {
		w.parts[n-1].age()
	}
	for {
		second := w.secondSegment(3)
		if second == 0 {
			break
		}
		old := part.StartUTC-w.parts[second].StartUTC >= w.keepNS && second <= w.entry()
		if !old && w.bytes <= w.maxBytes {
			break
		}
		w.drop(second)
	}
	w.tell()
}

// secondSegment returns the index of the first part of the second segment, or 0 if there are fewer than least segments. The caller
// holds w.mu.
func (w *window) secondSegment(least int) int {
	second, segments := 0, 0
	for i, p := range w.parts {
		if p.First {
			if segments++; segments == 2 {
				second = i
			}
		}
	}
	if segments < least {
		return 0
	}
	return second
}

// entry returns the index of the part at which a new client begins: the newest of the present tracks that begins a segment with a
// key frame, or -1. The caller holds w.mu.
func (w *window) entry() int {
	for i := len(w.parts) - 1; i >= 0 && w.parts[i].Init == w.init; i-- {
		if w.parts[i].First && w.parts[i].BeginsGOP {
			return i
		}
	}
	return -1
}

// Held returns the bytes of the parts; see media.Queue.
func (w *window) Held() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(w.bytes)
}

// Shed drops the oldest segment, if there are two; see media.Queue.
func (w *window) Shed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	second := w.secondSegment(2)
	w.drop(second)
	return second > 0
}

// drop releases the n oldest parts, which are whole segments unless the packager has ended. The caller holds w.mu.
func (w *window) drop(n int) {
	if !w.ended {
		w.leave(n)
	}
	for i := range n {
		w.bytes -= w.parts[i].SizeBytes
		w.parts[i].Release()
	}
	rest := copy(w.parts, w.parts[n:])
	clear(w.parts[rest:])
	w.parts = w.parts[:rest]
}

// tell wakes those that wait for a change. The caller holds w.mu.
func (w *window) tell() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// await waits until found, which it calls with w.mu held, returns true. Its error is ErrEnded, or context.Cause(ctx).
func (w *window) await(ctx context.Context, found func() bool) error {
	for {
		over, change := w.look(found)
		switch {
		case over:
			return nil
		case change == nil:
			return ErrEnded
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look calls found once. If that returns false, change is closed at the next change; it is nil if the packager has ended.
func (w *window) look(found func() bool) (over bool, change <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if found() {
		return true, nil
	}
	if w.ended {
		return false, nil
	}
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return false, w.changed
}

// describe sets the Init of the parts that follow.
func (w *window) describe(i *Init) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.init, w.known = i, true
	w.tell()
}

func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.drop(len(w.parts))
	w.tell()
}

// Client reads the parts of a packager in order, beginning with the newest segment that begins with a key frame. One goroutine at a time uses it.
type Client struct {
	window *window
	next   uint64 // number of the next part
	begun  bool
}

// Take waits for the next part, and returns a reference to it that the caller releases. A client that the window has left
// behind continues with the newest such segment; skipped is then the number of parts that it has missed. If ctx ends first, Take
// returns context.Cause(ctx).
func (c *Client) Take(ctx context.Context) (part *Part, skipped uint64, err error) {
	err = c.window.await(ctx, func() bool {
		part, skipped = c.find()
		return part != nil
	})
	return part, skipped, err
}

// find returns the next part, or nil. The caller holds the window's mutex.
func (c *Client) find() (part *Part, skipped uint64) {
	parts := c.window.parts
	if len(parts) == 0 || c.begun && c.next > parts[len(parts)-1].Number {
		return nil, 0
	}
	at := int(c.next - parts[0].Number) // the numbers are consecutive
	if !c.begun || c.next < parts[0].Number {
		if at = c.window.entry(); at < 0 {
			return nil, 0
		}
		if c.begun {
			skipped = parts[at].Number - c.next
		}
	}
	c.begun, c.next = true, parts[at].Number+1
	return parts[at].Retain(), skipped
}

// Parts waits until ready returns true for the parts of the window, and returns a reference to each of them. ready must not
// block. The error is ErrEnded, or context.Cause(ctx).
func (u *Use) Parts(ctx context.Context, ready func([]*Part) bool) (parts []*Part, err error) {
	w := &u.Packager.window
	err = w.await(ctx, func() bool {
		if !ready(w.parts) {
			return false
		}
		parts = retained(w.parts)
		return true
	})
	return parts, err
}

// Segment returns a reference to each part of a complete segment in the window, or nothing.
func (u *Use) Segment(number uint64) []*Part {
	w := &u.Packager.window
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.parts) == 0 || w.parts[len(w.parts)-1].Segment <= number {
		return nil
	}
	from := 0
	for from < len(w.parts) && w.parts[from].Segment < number {
		from++
	}
	end := from
	for end < len(w.parts) && w.parts[end].Segment == number {
		end++
	}
	return retained(w.parts[from:end])
}

func retained(parts []*Part) []*Part {
	out := make([]*Part, len(parts))
	for i, p := range parts {
		out[i] = p.Retain()
	}
	return out
}
