package bundle

import (
	"context"
	"errors"
	"io"

	"github.com/gospool/spool/pipeline/media"
)

// Source opens the footage of streams. It is safe for concurrent use.
type Source interface {
	// Formats lists the formats that Open makes, the default first.
	Formats() []Format
	// Open returns the footage of a stream in a span. The error is ErrNoFootage if there is none. The caller
	// closes the media.
	Open(ctx context.Context, s Span) (Media, error)
}

// Format is a format of media files.
type Format struct {
	Name      string // such as mp4
	Extension string // of file names, with its dot
}

// Span is a span of the wall clock of a stream, and the form in which its footage is wanted. A frame belongs to the
// span if StartNS <= its presentation time < EndNS.
type Span struct {
	Stream         string
	StartNS, EndNS int64  // nanoseconds since 1970-01-01 UTC
	Format         string // name of one of Source.Formats
	Gaps           Gaps
}

// Gaps says what a file does where there is no footage.
type Gaps string

// The forms of Gaps.
const (
	Keep Gaps = "keep" // the last picture lasts through the gap: the times of the file are those of the wall clock
	Cut  Gaps = "cut"  // the file goes on with the next footage
)

// Media is the footage of a span. It is for one user at a time.
type Media interface {
	// SizeBytes returns the number of bytes that WriteTo writes. It is an estimate unless exact is true.
	SizeBytes() (bytes int64, exact bool)
	Facts() Facts
	// WriteTo writes the whole file. It returns early when ctx ends.
	WriteTo(ctx context.Context, w io.Writer) error
	Close() error
}

// Facts describes the footage of a Media.
type Facts struct {
	StartNS, EndNS int64 // time of the first picture and end of the last, nanoseconds since 1970-01-01 UTC
	Gaps           []Gap // gaps within them, in order
	Recordings     []media.ID
	LeftOut        string // the tracks that the format cannot hold, as in "audio flac, metadata"; empty: none
}

// Gap is a span without footage.
type Gap struct {
	StartNS, EndNS int64
	Cause          string // may be empty
	Track          int    // the only track that has the gap, from 1; 0: all have it
	Kept           bool   // the file's timeline goes on in it
}

// ErrNoFootage is the error of Source.Open for a span without footage.
var ErrNoFootage = errors.New("no footage of that time")

// RefusedError is the error of Source.Open for a span that cannot be exported, with a text for the client.
type RefusedError struct{ Err error }

// Error returns the text.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *RefusedError) Unwrap() error { return e.Err }
