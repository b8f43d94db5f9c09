package retained

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
)

// Plan says how full a disk is, what would be deleted next, and what stays.
type Plan struct {
	At     time.Time // by which ages are judged
	Clock  wallclock.Reading
	Active bool // a limit is configured

	DiskBytes   int64
	UsedBytes   int64     // by recordings and by everything else
	HighBytes   int64     // of the disk that may be used; 0: no limit
	LowBytes    int64     // that are used when room has been made
	Bytes       int64     // of recordings
	BytesPerDay int64     // that recordings grew by in the last day; 0 where there is less than an hour of a stream to tell it from
	FullAt      time.Time // when the disk reaches HighBytes, or its end, at this rate; zero: not in sight

	Now     []Eviction // what would go at once, in this order
	Next    []Eviction // the first 100 that would follow when room is needed
	Held    *Held      // what has expired and does not go yet; nil: nothing
	Waiting []Eviction // the first 100 of it

	Kept    []Kept    // by reason
	Streams []Stream  // by path
	Stopped []Stopped // by path

	LastError string // of the last look at the disk; empty where it did not fail
}

// Eviction is a file that goes, and why.
type Eviction struct {
	ID        media.ID // zero for a file without an entry
	Path      string   // below the record directory, slash-separated
	Stream    string   // empty for a file without an entry
	StartUTC  int64    // ns; 0: not known
	SizeBytes int64    // bytes
	Class     Class
	Cause     string // the setting that asks for it; "room": none does yet
}

// Kept counts the files that are never deleted for one reason.
type Kept struct {
	Reason Class
	Count  Count
}

// Stream tells what is kept of a stream.
type Stream struct {
	Stream      string
	Priority    int
	Count       Count
	Protected   Count         // of Count
	Oldest      time.Time     // start of its oldest recording that is not protected, else zero
	Newest      time.Time     // end of its newest recording
	Keeps       time.Duration // how far back its unprotected recordings reach
	BytesPerDay int64         // that its recordings grew by in the last day
}

// Stopped is a stream whose recording was stopped for want of room.
type Stopped struct {
	Stream string
	Since  time.Time
}

// Count is a number of files, and their size.
type Count struct {
	Files int
	Bytes int64
}

// Plus counts one more file.
func (c Count) Plus(bytes int64) Count { return Count{c.Files + 1, c.Bytes + bytes} }
