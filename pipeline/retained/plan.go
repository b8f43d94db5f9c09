package retained

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
)

// Plan describes the use of a disk, the files that retention deletes next, and the files that it keeps.
type Plan struct {
	At     time.Time // the time that is used to compute ages
	Clock  wallclock.Reading
	Active bool // retention has a limit

	DiskBytes   int64     // size of the disk
	UsedBytes   int64     // bytes of all files on the disk
	HighBytes   int64     // used bytes above which retention deletes; 0 means no limit
	LowBytes    int64     // used bytes at which retention stops deleting
	Bytes       int64     // bytes of the recordings
	BytesPerDay int64     // growth of the recordings in the last day; 0 if they cover less than an hour
	FullAt      time.Time // time at which the disk reaches HighBytes, or is full, by BytesPerDay; zero if unknown

	Now     []Eviction // files deleted at the next pass, in this order
	Next    []Eviction // the first 100 files that retention deletes after Now, when space is needed
	Held    *Held      // expired files that are not deleted yet; nil if there are none
	Waiting []Eviction // the first 100 files of Held

	Kept    []Kept    // kept files, ordered by reason
	Streams []Stream  // ordered by path
	Stopped []Stopped // ordered by path

	LastError string // error of the last inspection of the disk, or empty
}

// Eviction is a file that retention deletes, with the reason.
type Eviction struct {
	ID        media.ID // zero for a file without catalogue box
	Path      string   // slash-separated, relative to the record directory
	Stream    string   // empty for a file without a catalogue box
	StartUTC  int64    // begin of the recording; 0 if not known
	SizeBytes int64
	Class     Class
	Cause     string // name of the setting that requires the deletion; "room" if no setting does yet
}

// Kept counts the files that are kept for one reason.
type Kept struct {
	Reason Class
	Count  Count
}

// Stream describes the files of a stream.
type Stream struct {
	Stream      string
	Priority    int
	Count       Count
	Protected   Count         // the part of Count that is protected
	Oldest      time.Time     // begin of the oldest recording that is not protected; zero if all are protected
	Newest      time.Time     // end of the newest recording
	Keeps       time.Duration // time from Oldest to the Plan's At
	BytesPerDay int64         // growth of the stream's recordings in the last day
}

// Stopped is a stream whose recording retention stopped because the disk is full.
type Stopped struct {
	Stream string
	Since  time.Time
}

// Count is a number of files and their size.
type Count struct {
	Files int
	Bytes int64
}

// Plus returns the count with one more file of the given bytes.
func (c Count) Plus(bytes int64) Count { return Count{c.Files + 1, c.Bytes + bytes} }
