package pipeline

import (
	"reflect"
	"sync"
)

// placed is an element with a sequence number, such as a chunk.
type placed interface {
	Place() (seq uint64, accessUnits, bytes int)
	LeftOutCause() string // returns the cause under which a left-out element is counted
	NoteLeftOut()         // records that a flow left out the elements right before this one
}

// leftOut counts the elements that a go-streams flow takes and does not return, such as the chunks that a filter
// removes. An element counts as left out once the flow has returned one with a higher sequence number (see placed).
// leftOut is safe for concurrent use.
type leftOut struct {
	can bool // the flow takes and returns placed elements; otherwise nothing is counted

	mu     sync.Mutex // guards the following fields
	inside []inside   // elements that the flow took and has not returned, in their order
	cause  string
	units  uint64
	bytes  uint64
}

type inside struct {
	seq          uint64
	units, bytes int
}

// mostInside bounds the length of leftOut.inside, the list of the elements that a flow has taken and not returned.
// When the list is longer, its oldest element counts as left out and is removed. So leftOut also counts for a flow
// that never returns an element.
const mostInside = 4096

func newLeftOut[In, Out any]() *leftOut {
	is := reflect.TypeFor[placed]()
	return &leftOut{can: reflect.TypeFor[In]().Implements(is) && reflect.TypeFor[Out]().Implements(is)}
}

// took records in l.inside an element that the flow takes.
func (l *leftOut) took(el any) {
	if !l.can {
		return
	}
	e := el.(placed)
	seq, units, bytes := e.Place()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = e.LeftOutCause()
	if l.inside = append(l.inside, inside{seq, units, bytes}); len(l.inside) > mostInside {
		l.count(1)
	}
}

// gave records an element that the flow returned. The elements in l.inside with lower sequence numbers count as left
// out. The flow may return several elements with the sequence number of one element that it took: they are parts of
// that element.
func (l *leftOut) gave(el any) {
	if !l.can {
		return
	}
	e := el.(placed)
	seq, _, _ := e.Place()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.inside) && l.inside[n].seq < seq {
		n++
	}
	if l.count(n); n > 0 {
		e.NoteLeftOut()
	}
	if len(l.inside) > 0 && l.inside[0].seq == seq {
		l.inside = l.inside[1:]
	}
}

// ended counts all elements in l.inside as left out. The caller has seen that the flow has ended, so the flow
// returns none of them.
func (l *leftOut) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(len(l.inside))
}

// count counts the first n elements of inside as left out. The caller holds l.mu.
func (l *leftOut) count(n int) {
	for _, e := range l.inside[:n] {
		l.units += uint64(e.units)
		l.bytes += uint64(e.bytes)
	}
	l.inside = l.inside[n:]
}

func (l *leftOut) report(r *Report, stage string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.units > 0 {
		r.Drops = append(r.Drops, Drop{Stage: stage, Cause: l.cause, AccessUnits: l.units, Bytes: l.bytes})
	}
}
