package cmaf

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Past is a complete segment whose bytes have left memory, or never were in it: its media lies in a recording of the stream. All but
// its place is immutable.
type Past struct {
	Number               uint64
	Init                 *Init
	StartUTC, DurationNS int64
	Discontinuous        bool
	Discontinuities      int
	Runs                 []Run // by track of Init

	place atomic.Pointer[any]
}

// Place returns what SetPlace has set last, or nil.
func (s *Past) Place() any {
	if p := s.place.Load(); p != nil {
		return *p
	}
	return nil
}

// SetPlace remembers where the samples lie, in terms of the Archive.
func (s *Past) SetPlace(p any) { s.place.Store(&p) }

// EndUTC returns the wall clock at the end of the segment, ns.
func (s *Past) EndUTC() int64 { return s.StartUTC + s.DurationNS }

// Run describes the samples of one track in a segment.
type Run struct {
	FromTicks, UntilTicks int64 // decode times on the packager's time line: of the first sample, and the end of the last
	Samples               int64
	FirstBytes            uint32 // size of the first sample
	Sizes                 uint64 // hash of the sizes of all samples: by it an Archive knows them
}

// Count adds a sample of a size to Samples, FirstBytes and Sizes.
func (r *Run) Count(sizeBytes uint32) {
	if r.Samples == 0 {
		r.FirstBytes, r.Sizes = sizeBytes, 14695981039346656037 // FNV-1a
	}
	r.Samples++
	r.Sizes = (r.Sizes ^ uint64(sizeBytes)) * 1099511628211
}

// Archive finds the media of segments in the recordings of a stream. Its methods are safe for concurrent use.
type Archive interface {
	// Before returns segments that precede the segment first in an uninterrupted recording, the oldest first, without their
	// numbers. first need not be complete. The error is ErrNotYet if a recording may have first soon.
	Before(ctx context.Context, path string, first *Past, o Division) ([]*Past, error)
	// Holds returns how many of the consecutive segments of a list the recordings have, counted from the newest one up to the
	// first that they lack.
	Holds(ctx context.Context, path string, list []*Past) (newest int, err error)
	// Open opens the samples of a segment. The error is ErrNotRecorded if no recording has them. The caller closes the result.
	Open(ctx context.Context, path string, s *Past) (Samples, error)
}

// Division says which segments Archive.Before returns.
type Division struct {
	FromUTC            int64 // the oldest begins about here
	LeastNS, LongestNS int64 // a segment ends before the first key frame after LeastNS, or before it exceeds LongestNS
	Most               int   // the newest so many
}

// Samples are the samples of a segment in a recording.
type Samples interface {
	// Columns returns the samples of a track of the segment's Init, without payload; nil if the segment has none. The decode times
	// are on the packager's time line.
	Columns(track int) *media.Columns
	// Copy writes the payload of all samples, by track.
	Copy(w io.Writer) error
	Close() error
}

// Errors of an Archive.
var (
	ErrNotYet      = errors.New("the recording does not have the newest media yet")
	ErrNotRecorded = errors.New("no recording has this segment")
)

// maxPast bounds the segments that have left memory: three hours of segments of a second, some two megabytes.
const maxPast = 10_800

// past holds the segments of a window that precede its parts. The mutex of the window guards it.
type past struct {
	listNS  int64     // media that a playlist lists; 0: only what lies in memory
	list    []*Past   // the oldest first; the numbers are consecutive, up to that of the first part
	ns      int64     // their duration
	begins  bool      // what was recorded before the first part is in the list, or nothing was
	tried   time.Time // when Use.Extend last began to look for it
	again   time.Time // it does not look before
	absent  bool      // by the last check no recording had the newest of the list: it is not shown
	checked time.Time
}

// leave adds the segments of the n oldest parts, whose last one ends a segment, to the past. The caller holds w.mu, and drops the parts.
func (w *window) leave(n int) {
	if w.past.listNS == 0 {
		return
	}
	var s *Past
	for _, p := range w.parts[:n] {
		if p.First {
			s = &Past{Number: p.Segment, Init: p.Init, StartUTC: p.StartUTC, Discontinuous: p.Discontinuous, Discontinuities: p.Discontinuities}
			w.past.list = append(w.past.list, s)
		}
		s.DurationNS += p.DurationNS
		w.past.ns += p.DurationNS
		s.Runs = p.runs
		if s.Runs == nil { // it was made before the window became so long
			w.past.list, w.past.ns, s = nil, 0, &Past{}
		}
	}
	w.trim(w.parts[n:])
}

// trim drops the oldest segments that are beyond the window, which ends with the parts in memory. The caller holds w.mu.
func (w *window) trim(parts []*Part) {
	heldNS := int64(0)
	for _, p := range parts {
		heldNS += p.DurationNS
	}
	for k := &w.past; len(k.list) > 0 && (len(k.list) > maxPast || k.ns-k.list[0].DurationNS+heldNS >= k.listNS); {
		k.dropOldest()
	}
}

func (k *past) dropOldest() {
	k.ns -= k.list[0].DurationNS
	k.list = k.list[1:]
}

// dropTo drops the segments up to a number.
func (k *past) dropTo(number uint64) {
	for len(k.list) > 0 && k.list[0].Number <= number {
		k.dropOldest()
	}
}

// forget drops the segments up to a number.
func (w *window) forget(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past.dropTo(number)
}

// firstOf returns the oldest segment, or nil.
func (w *window) firstOf() *Past {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.oldest()
}

// oldest is firstOf. Of a segment that lies in memory it has the parts up to the first sample of each track. The caller holds w.mu.
func (w *window) oldest() *Past {
	if len(w.past.list) > 0 {
		return w.past.list[0]
	}
	if len(w.parts) == 0 || w.parts[0].runs == nil {
		return nil
	}
	p := w.parts[0]
	runs := p.runs
	for _, more := range w.parts {
		if more.Segment != p.Segment {
			break
		}
		if runs = more.runs; !slices.ContainsFunc(runs, func(r Run) bool { return r.Samples == 0 }) {
			break
		}
	}
	return &Past{Number: p.Segment, Init: p.Init, StartUTC: p.StartUTC, DurationNS: p.DurationNS, Discontinuities: p.Discontinuities, Runs: runs}
}

// precede puts segments before the one with a number. It reports whether that one is still the oldest.
func (w *window) precede(number uint64, list []*Past) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	oldest := w.past.list
	if len(oldest) > 0 && oldest[0].Number != number || len(oldest) == 0 && (len(w.parts) == 0 || w.parts[0].Segment != number) {
		return false
	}
	for _, s := range list {
		w.past.ns += s.DurationNS
	}
	w.past.list = append(list, oldest...)
	w.trim(w.parts)
	return true
}

// Extend makes the past of the window agree with the recordings: it adds what was recorded before the packager began, once, and drops
// the segments that no recording has any more. A fault of the catalogue changes nothing; a later call tries again.
func (u *Use) Extend(ctx context.Context) error {
	p := u.Packager
	if p.archive == nil || !p.window.listsPast() {
		return nil
	}
	select {
	case p.extending <- struct{}{}:
		defer func() { <-p.extending }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if wait, lacks := p.window.lacksBefore(p.clock.Now()); p.leadNS > 0 && lacks && pipeline.Sleep(ctx, p.clock, wait, nil) {
		p.window.begin(p.clock.Now())
		done := p.addBefore(ctx)
		p.window.end(done, ctx.Err() != nil, p.clock.Now())
	}
	p.check(ctx)
	return context.Cause(ctx)
}

func (w *window) listsPast() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.past.listNS > 0
}

// lacksBefore reports whether addBefore is due, after a wait.
func (w *window) lacksBefore(now time.Time) (wait time.Duration, lacks bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return triesApart - now.Sub(w.past.tried), !w.past.begins && !now.Before(w.past.again)
}

// begin notes the begin of a call of addBefore.
func (w *window) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past.tried = now
}

// end notes the result of addBefore. If the client has left, the next one need not wait for checkEvery.
func (w *window) end(done, left bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past.begins = done
	if !done && !left {
		w.past.again = now.Add(checkEvery)
	}
}

// The time for which addBefore waits until a recording has the first media in memory, how often it looks, and the least time between
// the beginnings of two calls.
const (
	recordedWithin = 3 * time.Second
	recordedEvery  = 250 * time.Millisecond
	triesApart     = 2 * time.Second
)

// addBefore adds what was recorded before the first part. It reports whether that is done, or nothing was recorded.
func (p *Packager) addBefore(ctx context.Context) (done bool) {
	first := p.window.firstOf()
	if first == nil {
		return false
	}
	o := Division{FromUTC: first.StartUTC - p.leadNS, LeastNS: p.cfg.Segment.Nanoseconds(), LongestNS: p.cfg.Longest.Nanoseconds(), Most: maxPast}
	list, err := p.archive.Before(ctx, p.path, first, o)
	for waited := time.Duration(0); errors.Is(err, ErrNotYet) && waited < recordedWithin; waited += recordedEvery {
		if !pipeline.Sleep(ctx, p.clock, recordedEvery, nil) {
			return false
		}
		list, err = p.archive.Before(ctx, p.path, first, o)
	}
	if err != nil || uint64(len(list)) > first.Number {
		return err == nil
	}
	for i, s := range list {
		s.Number = first.Number - uint64(len(list)-i)
	}
	return p.window.precede(first.Number, list)
}

// checkEvery is how often the recordings are asked whether they still have the past.
const checkEvery = 5 * time.Second

// check drops the segments that no recording has.
func (p *Packager) check(ctx context.Context) {
	list := p.window.unchecked(p.clock.Now())
	if len(list) == 0 {
		return
	}
	if n, err := p.archive.Holds(ctx, p.path, list); err == nil {
		p.window.held(list, n)
	}
}

// unchecked returns the past if it has not been checked for a while, or without one the oldest segment in memory, which is next.
func (w *window) unchecked(now time.Time) []*Past {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.past.checked) < checkEvery {
		return nil
	}
	list := w.past.list
	if first := w.oldest(); len(list) == 0 && first != nil {
		list = []*Past{first}
	}
	if len(list) > 0 {
		w.past.checked = now
	}
	return list
}

// held drops the segments of a list but the n newest ones, which recordings have. Those that no playlist has shown since then cannot come
// back: the numbers of a playlist only grow.
func (w *window) held(list []*Past, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.past.absent
	w.past.absent = n == 0
	if was || w.past.absent {
		n = 0
	}
	if n < len(list) {
		w.past.dropTo(list[len(list)-1-n].Number)
	}
}

// Window is Parts, and returns the segments before those parts, too, which are read-only. The number of the first segment never falls
// during a use: what Extend has found since the first call is for later uses.
func (u *Use) Window(ctx context.Context, ready func([]*Part) bool) (past []*Past, parts []*Part, err error) {
	w := &u.Packager.window
	err = w.await(ctx, func() bool {
		if !ready(w.parts) {
			return false
		}
		parts, past = retained(w.parts), u.since(w.past.shown())
		return true
	})
	return past, parts, err
}

// since returns the segments of the past from the first one that Window has returned. The caller holds the mutex of the window.
func (u *Use) since(past []*Past) []*Past {
	switch parts := u.Packager.window.parts; {
	case u.from > 0:
	case len(past) > 0:
		u.from = past[0].Number
	case len(parts) > 0:
		u.from = parts[0].Segment
	}
	for len(past) > 0 && past[0].Number < u.from {
		past = past[1:]
	}
	return past
}

func (k *past) shown() []*Past {
	if k.absent {
		return nil
	}
	return k.list
}

// findPast returns the segment with a number that has left memory, or nil.
func (w *window) findPast(number uint64) *Past {
	w.mu.Lock()
	defer w.mu.Unlock()
	if list := w.past.list; len(list) > 0 && number >= list[0].Number && number-list[0].Number < uint64(len(list)) {
		return list[number-list[0].Number]
	}
	return nil
}

// Described returns the Init with a number of the parts in memory or of the past, or nil.
func (u *Use) Described(number uint64) *Init {
	w := &u.Packager.window
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.parts {
		if p.Init.Number == number {
			return p.Init
		}
	}
	for _, s := range w.past.list {
		if s.Init.Number == number {
			return s.Init
		}
	}
	return nil
}
