package retained

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
)

// Plan describes the use of a disk, the next deletions, and the kept files.
type Plan struct {
	At     time.Time // the time by which ages are computed
	Clock  wallclock.Reading
	Active bool // a limit is configured

	DiskBytes   int64
	UsedBytes   int64     // by all files
	HighBytes   int64     // bound of the used bytes; 0: no limit
	LowBytes    int64     // used bytes at which deletion stops
	Bytes       int64     // bytes of recordings
	BytesPerDay int64     // growth of the recordings in the last day; 0 with less than an hour of media
	FullAt      time.Time // when the disk reaches HighBytes, or is full, at this rate; zero: not foreseeable

	Now     []Eviction // deleted at once, in this order
	Next    []Eviction // the first 100 that follow when room is needed
	Held    *Held      // expired files that are kept for now; nil: none
	Waiting []Eviction // the first 100 of Held

	Kept    []Kept    // by reason
	Streams []Stream  // by path
	Stopped []Stopped // by path

	LastError string // error of the last inspection of the disk, or empty
}

// Eviction is a file to delete, with the reason.
type Eviction struct {
	ID        media.ID // zero for a file without catalogue box
	Path      string   // below the record directory, slash-separated
	Stream    string   // empty for a file without catalogue box
	StartUTC  int64    // 0: not known
	SizeBytes int64
	Class     Class
	Cause     string // the setting that demands it; "room": none yet
}

// Kept counts the files kept for one reason.
type Kept struct {
	Reason Class
	Count  Count
}

// Stream describes the kept files of a stream.
type Stream struct {
	Stream      string
	Priority    int
	Count       Count
	Protected   Count         // of Count
	Oldest      time.Time     // start of its oldest recording that is not protected, else zero
	Newest      time.Time     // end of its newest recording
	Keeps       time.Duration // how far back its unprotected recordings reach
	BytesPerDay int64         // growth of its recordings in the last day
}

// Stopped is a stream whose recording was stopped because the disk is full.
type Stopped struct {
	Stream string
	Since  time.Time
}

// Count is a number of files and their size.
type Count struct {
	Files int
	Bytes int64
}

// Plus returns the count with one more file.
func (c Count) Plus(bytes int64) Count { return Count{c.Files + 1, c.Bytes + bytes} }
