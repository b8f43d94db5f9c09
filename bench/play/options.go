package play

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options select what Measure measures. Zero values have the defaults in brackets.
type Options struct {
	Spool    string        // path of the program
	Span     time.Duration // length of the footage (1 h)
	Files    int           // number of recordings that hold it (12)
	Bitrate  int           // of the pictures, in bit/s (2,000,000)
	FPS      int           // pictures a second (25)
	Formats  []string      // of Formats (all)
	Viewers  []int         // numbers of clients that fetch the span at once (1)
	Runs     int           // rounds (5)
	Dir      string        // where the files are made (the directory for temporary files)
	Nginx    string        // program; without the comparison if it is not installed (nginx)
	Progress func(done, steps int)
}

// Formats are the formats that can be measured.
var Formats = []string{"mp4", "fmp4", "hls"}

// States are the states in which a server is measured: see the package.
var States = []string{"cold", "new", "warm"}

// ErrOptions reports options outside of their bounds.
var ErrOptions = errors.New("bench play")

// checked returns the options with the defaults in place of zero values.
func (o Options) checked() (Options, error) {
	or(&o.Span, time.Hour)
	or(&o.Files, 12)
	or(&o.Bitrate, 2_000_000)
	or(&o.FPS, 25)
	or(&o.Runs, 5)
	or(&o.Nginx, "nginx")
	if len(o.Formats) == 0 {
		o.Formats = Formats
	}
	if len(o.Viewers) == 0 {
		o.Viewers = []int{1}
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	for _, f := range o.Formats {
		if !slices.Contains(Formats, f) {
			return o, fmt.Errorf("%w: format %q is none of %s", ErrOptions, f, strings.Join(Formats, ", "))
		}
	}
	switch file := o.fileLength(); {
	case o.Files < 1 || o.Files > 10_000:
		return o, fmt.Errorf("%w: %d files: it is from 1 to 10000", ErrOptions, o.Files)
	case file < 2*time.Second || file%time.Second != 0 || file*time.Duration(o.Files) != o.Span:
		return o, fmt.Errorf("%w: %d files in %v: each lasts whole seconds, at least 2", ErrOptions, o.Files, o.Span)
	case o.Bitrate < 100_000 || o.Bitrate > 200_000_000:
		return o, fmt.Errorf("%w: a bitrate of %d: it is from 100k to 200M", ErrOptions, o.Bitrate)
	case o.FPS < 1 || o.FPS > 120:
		return o, fmt.Errorf("%w: %d pictures a second: it is from 1 to 120", ErrOptions, o.FPS)
	case slices.Min(o.Viewers) < 1 || slices.Max(o.Viewers) > 500:
		return o, fmt.Errorf("%w: viewers %v: they are from 1 to 500", ErrOptions, o.Viewers)
	case o.Runs < 1:
		return o, fmt.Errorf("%w: %d runs: it is 1 at least", ErrOptions, o.Runs)
	}
	return o, nil
}

func or[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// fileLength returns the length of one recording.
func (o *Options) fileLength() time.Duration { return o.Span / time.Duration(max(o.Files, 1)) }
