package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/retained"
)

// Item describes one file of the record directory.
type Item struct {
	Path      string // below the record directory, slash-separated
	ID        media.ID
	Stream    string // empty for a file without an entry
	Pipeline  string
	StartUTC  int64 // UTC ns
	EndUTC    int64 // UTC ns; of an orphan, its last modification
	SizeBytes int64
	RoomBytes int64 // that its deletion gives back
	Kind      Kind

	Protected  bool
	changedUTC int64 // modification time, UTC ns: while it is unchanged, so is the file's entry

	DatedUTC int64 // UTC ns, in place of EndUTC if that cannot be right; else 0
	undated  bool  // no plausible date is known
	stampDue bool  // DatedUTC is not yet written to the file
	cleared  bool  // a look or an operator permitted its expiry
}

// Kind classifies a file.
type Kind uint8

// The values of Kind.
const (
	Footage Kind = iota // a continuous recording
	Event               // a recording of an event
	Orphan              // nothing writes it, and recovery will not finish it
	Growing             // it is being written
	Foreign             // not written by this program: counted, never deleted
)

// evictionOrder is the order in which the classes are deleted; reasons to keep a file have no entry.
var evictionOrder = map[retained.Class]int{retained.ClassOrphan: 1, retained.ClassExpired: 2, retained.ClassFootage: 3, retained.ClassEvent: 4}

// goes reports whether an item of a class may be deleted.
func goes(c retained.Class) bool { return evictionOrder[c] > 0 }

// class returns why an item may be deleted or must stay.
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

// class returns the class of an item that may be deleted to make room.
func (k Kind) class() retained.Class {
	switch k {
	case Orphan:
		return retained.ClassOrphan
	case Event:
		return retained.ClassEvent
	}
	return retained.ClassFootage
}
