package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/pipeline/streampath"
)

// Bounds of a request.
const (
	MaxStreams   = 64
	MaxNameBytes = 100
	MaxSpan      = 366 * 24 * time.Hour
)

// Request says what is to be exported. Check completes and checks it.
type Request struct {
	Name       string   // of the export and of its files; "" is made from the streams and the start
	Streams    []string // paths; each once
	Start, End time.Time
	Format     string // "": the first of the source's
	Gaps       Gaps   // "": Keep
}

// Check sets the omitted fields of r, and returns an error for a wrong value, with the field and what is possible.
// now is the present time: footage of the future cannot be exported.
func (r *Request) Check(formats []Format, now time.Time) error {
	if len(r.Streams) == 0 || len(r.Streams) > MaxStreams {
		return fmt.Errorf("streams: %d are given, 1 to %d are possible", len(r.Streams), MaxStreams)
	}
	for i, s := range r.Streams {
		if err := streampath.CheckOne(s); err != nil {
			return fmt.Errorf("streams: %w", err)
		}
		if slices.Contains(r.Streams[:i], s) {
			return fmt.Errorf("streams: %s is given twice", s)
		}
	}
	if err := r.checkSpan(now); err != nil {
		return err
	}
	if r.Format == "" {
		r.Format = formats[0].Name
	}
	if !slices.ContainsFunc(formats, func(f Format) bool { return f.Name == r.Format }) {
		var names []string
		for _, f := range formats {
			names = append(names, f.Name)
		}
		return fmt.Errorf("format: %.40q is none of %s", r.Format, strings.Join(names, ", "))
	}
	if r.Gaps == "" {
		r.Gaps = Keep
	}
	if r.Gaps != Keep && r.Gaps != Cut {
		return fmt.Errorf("gaps: %.40q is neither %s nor %s", r.Gaps, Keep, Cut)
	}
	if r.Name == "" {
		r.Name = r.defaultName()
	}
	if err := CheckName(r.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	return nil
}

func (r *Request) checkSpan(now time.Time) error {
	r.Start, r.End = r.Start.UTC(), r.End.UTC()
	switch {
	case r.Start.IsZero():
		return errors.New("start: it is missing")
	case r.End.IsZero():
		return errors.New("end: it is missing")
	case !r.End.After(r.Start):
		return fmt.Errorf("end: %s is not after the start, %s", r.End.Format(time.RFC3339Nano), r.Start.Format(time.RFC3339Nano))
	case r.End.After(now):
		return fmt.Errorf("end: %s is in the future; it is %s here", r.End.Format(time.RFC3339Nano), now.UTC().Format(time.RFC3339))
	case r.End.Sub(r.Start) > MaxSpan:
		return fmt.Errorf("end: the span is %s, at most %s are possible", r.End.Sub(r.Start), MaxSpan)
	}
	return nil
}

func (r *Request) defaultName() string {
	name := "export"
	if len(r.Streams) == 1 {
		name = plain(r.Streams[0])
	}
	return cut(name, MaxNameBytes-20) + "_" + r.Start.Format("20060102-150405")
}

// CheckName returns an error for a name that cannot be that of an export: its files have names that begin with it.
func CheckName(name string) error {
	if len(name) > MaxNameBytes {
		return fmt.Errorf("it has %d bytes, at most %d are possible", len(name), MaxNameBytes)
	}
	return manifest.CheckFileName(name)
}

// fileNames returns the name of each stream's file in an archive, each another one in upper and lower case, too.
func fileNames(streams []string, extension string) []string {
	names, used := make([]string, len(streams)), map[string]bool{}
	for i, s := range streams {
		base := cut(plain(s), 200)
		name := base + extension
		for n := 2; used[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d%s", base, n, extension)
		}
		used[strings.ToLower(name)] = true
		names[i] = name
	}
	return names
}

// plain returns the path of a stream as the name of a file: each character that not every system can store
// becomes _.
func plain(stream string) string {
	clean := strings.Map(func(r rune) rune {
		if manifest.CheckFileName("a"+string(r)+"a") != nil {
			return '_'
		}
		return r
	}, stream)
	if manifest.CheckFileName(clean) != nil {
		clean = "_" + strings.TrimRight(clean, " .")
	}
	return clean
}

// cut returns the beginning of a text, at most so many bytes as most, without a split character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.TrimRight(text[:most], " .")
}
