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
	Stream    string // empty for a file that does not describe a recording
	Pipeline  string
	StartUTC  int64 // UTC ns; 0 for a file that does not describe a recording
	EndUTC    int64 // UTC ns; for an unfinished file, its last modification
	SizeBytes int64 // length of the file
	RoomBytes int64 // bytes that its deletion gives back; 0 if the file has a second hard link
	Kind      Kind

	Protected  bool
	changedUTC int64 // modification time, UTC ns; a scan reads the file again only if this or the length has changed

	DatedUTC int64 // date used in place of EndUTC if that cannot be right, UTC ns; 0: EndUTC is used. See dates
	undated  bool  // EndUTC cannot be right, and DatedUTC is not known yet
	stampDue bool  // DatedUTC must still be written to the file as its modification time
	cleared  bool  // the file has expired and may be deleted: a full look held nothing, or an operator confirmed it
}

// Kind classifies a file.
type Kind uint8

// The values of Kind.
const (
	Footage Kind = iota // a continuous recording
	Event               // a recording of an event
	Orphan              // a temporary or unfinished file that nothing writes and recovery will not finish
	Growing             // a file that is being written, or that recovery will finish
	Foreign             // a file that this program did not write: it is never deleted
)

// evictionOrder is the order in which the classes are deleted, lowest first. It lacks the classes
// of files that must stay.
var evictionOrder = map[retained.Class]int{retained.ClassOrphan: 1, retained.ClassExpired: 2, retained.ClassFootage: 3, retained.ClassEvent: 4}

// goes reports whether an item of a class may be deleted.
func goes(c retained.Class) bool { return evictionOrder[c] > 0 }

// class returns the class of an item at a time: a class that may be deleted (see goes), or the
// reason why the file must stay.
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

// class returns the class of an item of this kind that may be deleted to make room and has not
// expired.
func (k Kind) class() retained.Class {
	switch k {
	case Orphan:
		return retained.ClassOrphan
	case Event:
		return retained.ClassEvent
	}
	return retained.ClassFootage
}
