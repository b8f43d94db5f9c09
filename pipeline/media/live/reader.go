package live

import (
	"context"
	"errors"

	"github.com/gospool/spool/pipeline/media"
)

// ErrClosed is the error of a Reader that was closed, or whose ring was.
var ErrClosed = errors.New("the live stream is closed")

// Options configures a Reader.
type Options struct {
	// MaxLagNS is how far the reader's next unit may be behind the newest one before the reader continues at the newest
	// key frame; 0: as far as the window reaches.
	MaxLagNS int64
	FromTail bool // begin with the next key frame that arrives; else with the newest one that the ring holds
}

// Reader reads the units of a ring in the order of their arrival, beginning with a key frame. One goroutine at a time
// uses it.
type Reader struct {
	ring   *Ring
	opts   Options
	ready  chan struct{} // holds a token after a unit was added, or after the ring was closed
	at     place
	lastAt uint64       // number of the newest unit that was returned, or was not wanted
	jumped bool         // units were skipped since then
	begins bool         // the next unit must begin a GOP
	held   *media.Chunk // chunk of the newest returned unit; the reader owns a reference
	unit   Unit         // the newest returned unit
	closed bool
}

// Open returns a reader. The caller closes it.
func (r *Ring) Open(o Options) *Reader {
	rd := &Reader{ring: r, opts: o, ready: make(chan struct{}, 1), begins: true}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers[rd] = struct{}{}
	rd.at, rd.lastAt = r.tail, r.tailAt
	if n := len(r.gops); n > 0 && !o.FromTail {
		rd.at, rd.lastAt = r.gops[n-1].place, r.gops[n-1].at-1
	}
	rd.wake()
	return rd
}

// Take waits for the next unit: see Poll. If ctx ends first, it returns context.Cause(ctx).
func (rd *Reader) Take(ctx context.Context) (*Unit, error) {
	for {
		if u, err := rd.Poll(); u != nil || err != nil {
			return u, err
		}
		select {
		case <-rd.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Ready returns a channel that holds a token when Poll may return a unit or an error. The receiver of the token calls
// Poll until it returns nil.
func (rd *Reader) Ready() <-chan struct{} { return rd.ready }

// Poll returns the next unit, or nil if none has arrived. The unit and its bytes are valid until the next call of Poll
// or Take, and until Close; see Unit.Chunk to keep the bytes. Poll returns ErrClosed after Close, and behind the last
// unit of a closed ring.
func (rd *Reader) Poll() (*Unit, error) {
	for !rd.closed {
		u := rd.at.unit()
		switch {
		case u == nil:
			return nil, rd.err()
		case rd.unwanted(u):
			rd.at.index++
			continue
		case rd.late(u) || !rd.hold(u):
			if !rd.jump() {
				return nil, ErrClosed
			}
			continue
		}
		rd.unit = *u
		rd.unit.Skipped = u.at - rd.lastAt - 1
		rd.at.index++
		rd.lastAt, rd.jumped, rd.begins = u.at, false, false
		return &rd.unit, nil
	}
	return nil, ErrClosed
}

// unwanted reports whether a decoder cannot use u: it must begin with a key frame, and again after other tracks.
func (rd *Reader) unwanted(u *Unit) bool {
	if u.StartsGOP || u.End != "" || !rd.begins && u.Set == rd.unit.Set {
		return false
	}
	if !rd.jumped {
		rd.lastAt = u.at
	}
	return true
}

// late reports whether the reader must skip u because it is too far behind.
func (rd *Reader) late(u *Unit) bool {
	r := rd.ring
	if rd.opts.MaxLagNS == 0 || u.End != "" || r.newest.Load()-u.steadyNS() <= rd.opts.MaxLagNS {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.gops)
	return n > 0 && r.gops[n-1].at > u.at
}

// hold gets a reference to the chunk of u in place of that to the chunk before. It returns false if the window has left
// u behind.
func (rd *Reader) hold(u *Unit) bool {
	if u.chunk == nil || rd.held == u.chunk {
		return true
	}
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.window) == 0 || u.at < r.window[0].first {
		return false
	}
	if rd.held != nil {
		rd.held.Release()
	}
	rd.held = u.chunk.Retain()
	return true
}

// jump moves the reader to the newest key frame, or behind the newest unit if the window has no key frame. It returns
// false if the ring is closed.
func (rd *Reader) jump() bool {
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	rd.at, rd.jumped, rd.begins = r.tail, true, true
	if n := len(r.gops); n > 0 {
		rd.at = r.gops[n-1].place
	}
	return true
}

func (rd *Reader) err() error {
	rd.ring.mu.Lock()
	defer rd.ring.mu.Unlock()
	if rd.ring.closed {
		return ErrClosed
	}
	return nil
}

// Close ends the reader. Later calls have no effect.
func (rd *Reader) Close() {
	if rd.closed {
		return
	}
	rd.closed = true
	rd.ring.mu.Lock()
	delete(rd.ring.readers, rd)
	rd.ring.mu.Unlock()
	if rd.held != nil {
		rd.held.Release()
		rd.held = nil
	}
}

func (rd *Reader) wake() {
	select {
	case rd.ready <- struct{}{}:
	default:
	}
}
