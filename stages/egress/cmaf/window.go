package cmaf

import (
	"context"
	"errors"
	"sync"
)

// ErrEnded is the error of a Client whose packager has ended: the recorder shuts down.
var ErrEnded = errors.New("the live stream has ended")

// window holds the newest parts of a stream.
type window struct {
	keepNS   int64
	maxBytes int

	mu      sync.Mutex // guards the fields below
	parts   []*Part    // the oldest first, beginning with the first part of a segment; the window owns a reference to each
	bytes   int
	init    *Init // of the newest tracks; nil: not known yet, or players know none of them
	known   bool  // the tracks are known
	ended   bool
	changed chan struct{} // closed at the next change
}

// push adds a part, and takes over its reference. It drops the oldest segments that the window need not hold.
func (w *window) push(part *Part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = append(w.parts, part)
	w.bytes += part.SizeBytes
	for {
		second := w.secondSegment()
		if second == 0 {
			break
		}
		if held := part.StartUTC - w.parts[second].StartUTC; held < w.keepNS && w.bytes <= w.maxBytes {
			break
		}
		w.drop(second)
	}
	w.tell()
}

// secondSegment returns the index of the first part of the second segment of at least three, or 0. The caller holds w.mu.
func (w *window) secondSegment() int {
	second, segments := 0, 0
	for i, p := range w.parts {
		if p.First {
			if segments++; segments == 2 {
				second = i
			}
		}
	}
	if segments < 3 {
		return 0
	}
	return second
}

// drop releases the n oldest parts. The caller holds w.mu.
func (w *window) drop(n int) {
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

// change returns a channel that is closed at the next change. The caller holds w.mu.
func (w *window) change() <-chan struct{} {
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
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

// Client reads the parts of a packager in order, beginning with the newest segment. One goroutine at a time uses it.
type Client struct {
	window *window
	next   uint64 // number of the next part
	begun  bool
}

// Take waits for the next part, and returns a reference to it that the caller releases. A client that the window has left
// behind continues with the newest segment; skipped is then the number of parts that it has missed. If ctx ends first, Take
// returns context.Cause(ctx).
func (c *Client) Take(ctx context.Context) (part *Part, skipped uint64, err error) {
	for {
		c.window.mu.Lock()
		part, skipped = c.find()
		ended, change := c.window.ended, c.window.change()
		c.window.mu.Unlock()
		switch {
		case part != nil:
			return part, skipped, nil
		case ended:
			return nil, 0, ErrEnded
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}

// find returns the next part, or nil. The caller holds the window's mutex.
func (c *Client) find() (part *Part, skipped uint64) {
	parts := c.window.parts
	if len(parts) == 0 || c.begun && c.next > parts[len(parts)-1].Number {
		return nil, 0
	}
	at := int(c.next - parts[0].Number) // the numbers are consecutive
	if !c.begun || c.next < parts[0].Number {
		for at = len(parts) - 1; !parts[at].First; at-- {
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
func (u *Use) Parts(ctx context.Context, ready func([]*Part) bool) ([]*Part, error) {
	w := &u.Packager.window
	for {
		w.mu.Lock()
		if ready(w.parts) {
			parts := retained(w.parts)
			w.mu.Unlock()
			return parts, nil
		}
		ended, change := w.ended, w.change()
		w.mu.Unlock()
		if ended {
			return nil, ErrEnded
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
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
