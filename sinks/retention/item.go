package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/retained"
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

// place is the order in which the classes go; it has none for a reason to stay.
var place = map[retained.Class]int{retained.ClassOrphan: 1, retained.ClassExpired: 2, retained.ClassFootage: 3, retained.ClassEvent: 4}

// goes reports whether an item of a class may be deleted.
func goes(c retained.Class) bool { return place[c] > 0 }

// class places an item.
func (p *Policy) class(it *Item, now time.Time) retained.Class {
	age := it.age(now)
	switch {
	case it.Kind == Growing:
		return retained.KeptWriting
	case it.Kind == Foreign:
		return retained.KeptForeign
	case it.Protected:
		return retained.KeptProtected
	case age < p.keepAtLeast(it.Stream):
		return retained.KeptYoung
	}
	if d := p.expire(it.Stream); d > 0 && age > d {
		return retained.ClassExpired
	}
	return it.Kind.class()
}

// class returns the place of what may go for room.
func (k Kind) class() retained.Class {
	switch k {
	case Orphan:
		return retained.ClassOrphan
	case Event:
		return retained.ClassEvent
	}
	return retained.ClassFootage
}
