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

	Dated    int64 // ns, in place of EndUTC where that cannot be right; else 0
	undated  bool  // nor is it known what is
	stampDue bool  // Dated is yet to be written down
	cleared  bool  // it may expire: there was a look at it
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
	age := it.age(now)
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
	return it.Kind.class()
}

// class is the place of what may go for room.
func (k Kind) class() Class {
	switch k {
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

// rank lists what may go, in the order in which it goes. What has expired goes first
// where it may expire, and in its order with the others where that is yet to be seen.
func (p *Policy) rank(items []*Item, now time.Time, expires func(*Item) bool) []ranked {
	var queue []ranked
	for _, it := range items {
		if r, ok := p.place(it, now, expires); ok {
			queue = append(queue, r)
		}
	}
	slices.SortFunc(queue, inOrder)
	return queue
}

// place is an item's place in the queue; false: it stays.
func (p *Policy) place(it *Item, now time.Time, expires func(*Item) bool) (ranked, bool) {
	c := p.class(it, now)
	if c == ClassExpired && !expires(it) {
		c = it.Kind.class()
	}
	return ranked{it, c, p.priority(it.Stream)}, c.goes()
}

// inOrder compares which goes first.
func inOrder(a, b ranked) int {
	return cmp.Or(cmp.Compare(place[a.class], place[b.class]), cmp.Compare(a.priority, b.priority),
		cmp.Compare(a.began(), b.began()), cmp.Compare(a.StartUTC, b.StartUTC), strings.Compare(a.Path, b.Path))
}
