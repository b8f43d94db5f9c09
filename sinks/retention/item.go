package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Item is one file of the record directory.
type Item struct {
	Path     string // below the record directory, slash-separated
	ID       media.ID
	Stream   string // empty for a file without an entry
	Pipeline string
	StartUTC int64 // ns
	EndUTC   int64 // ns; of an orphan, when it was last written
	Size     int64 // bytes
	Room     int64 // bytes that its deletion gives back
	Kind     Kind

	Protected bool
	changed   int64 // ns, modification time: what was read from the file holds while it does
}

// Kind is what a file is.
type Kind uint8

// The kinds.
const (
	Footage Kind = iota // a continuous recording
	Event               // a recording of an event
	Orphan              // nobody writes it, and it will not be finished
	Growing             // it is being written
	Foreign             // not made by us: it is counted and left alone
)

// Class is the place of an item in the order of eviction, or why it has none.
type Class string

// The classes, in the order in which they go, and those that stay.
const (
	ClassOrphan  Class = "orphan"
	ClassExpired Class = "expired"
	ClassFootage Class = "footage"
	ClassEvent   Class = "event"

	KeptProtected Class = "protected"
	KeptWriting   Class = "being_written"
	KeptYoung     Class = "keep_at_least"
	KeptForeign   Class = "not_ours"
)

var place = map[Class]int{ClassOrphan: 1, ClassExpired: 2, ClassFootage: 3, ClassEvent: 4}

// goes reports whether an item of the class may be deleted.
func (c Class) goes() bool { return place[c] > 0 }

// class places an item.
func (p *Policy) class(it *Item, now time.Time) Class {
	age := time.Duration(now.UnixNano() - it.EndUTC)
	switch {
	case it.Kind == Growing:
		return KeptWriting
	case it.Kind == Foreign:
		return KeptForeign
	case it.Protected:
		return KeptProtected
	case age < p.keepAtLeast(it.Stream):
		return KeptYoung
	}
	if d := p.expire(it.Stream); d > 0 && age > d {
		return ClassExpired
	}
	switch it.Kind {
	case Orphan:
		return ClassOrphan
	case Event:
		return ClassEvent
	}
	return ClassFootage
}

// ranked is an item in the queue.
type ranked struct {
	*Item
	class    Class
	priority int
}

// rank lists what may go, in the order in which it goes.
func (p *Policy) rank(items []*Item, now time.Time) []ranked {
	var queue []ranked
	for _, it := range items {
		if c := p.class(it, now); c.goes() {
			queue = append(queue, ranked{it, c, p.priority(it.Stream)})
		}
	}
	slices.SortFunc(queue, inOrder)
	return queue
}

// inOrder compares which goes first.
func inOrder(a, b ranked) int {
	return cmp.Or(cmp.Compare(place[a.class], place[b.class]), cmp.Compare(a.priority, b.priority),
		cmp.Compare(a.StartUTC, b.StartUTC), strings.Compare(a.Path, b.Path))
}
