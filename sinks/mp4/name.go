package mp4

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/media"
)

// PartSuffix ends the name of a file that grows. It is taken away when the file
// is finished.
const PartSuffix = ".part"

// maxComponent is the longest part of a path that common filesystems take, less
// room for a collision's suffix and PartSuffix, in bytes.
const maxComponent = 255 - 16

// placeholders are what a pattern may hold, in the order the error lists them.
var placeholders = []struct {
	name, doc string
	value     func(s *media.Segment, at time.Time) string
}{
	{"stream", "path of the stream, with _ for /", func(s *media.Segment, _ time.Time) string { return safe(strings.ReplaceAll(s.Stream, "/", "_")) }},
	{"stream_path", "path of the stream: makes directories", func(s *media.Segment, _ time.Time) string { return safePath(s.Stream) }},
	{"pipeline", "name of the pipeline", func(s *media.Segment, _ time.Time) string { return safe(s.Pipeline) }},
	{"date", "2006-01-02", func(_ *media.Segment, at time.Time) string { return at.Format("2006-01-02") }},
	{"time", "15-04-05", func(_ *media.Segment, at time.Time) string { return at.Format("15-04-05") }},
	{"ms", "milliseconds, three digits", func(_ *media.Segment, at time.Time) string { return fmt.Sprintf("%03d", at.Nanosecond()/1e6) }},
	{"timestamp", "Unix seconds", func(_ *media.Segment, at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }},
	{"seq", "number of the file in this run, from 1", func(s *media.Segment, _ time.Time) string { return strconv.FormatUint(s.Index, 10) }},
}

// pattern makes the names of files. It alternates literal text and placeholders:
// text[0] value[0] text[1] ... text[n].
type pattern struct {
	text   []string
	values []int // into placeholders
}

// parsePattern checks a pattern: every {word} is known, the name ends in .mp4,
// and the literal parts neither begin at the root nor climb out.
func parsePattern(s string) (pattern, error) {
	var p pattern
	rest := s
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			p.text = append(p.text, rest)
			break
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			return pattern{}, patternError(s, "has a { without }")
		}
		name := rest[open+1 : open+end]
		k := placeholder(name)
		if k < 0 {
			return pattern{}, patternError(s, fmt.Sprintf("has {%s}, which is no placeholder", name))
		}
		p.text = append(p.text, rest[:open])
		p.values = append(p.values, k)
		rest = rest[open+end+1:]
	}
	literal := strings.Join(p.text, "x")
	switch {
	case !strings.HasSuffix(s, ".mp4") || len(path.Base(s)) == len(".mp4"):
		return pattern{}, patternError(s, "does not name a file that ends in .mp4")
	case strings.HasPrefix(s, "/") || path.Clean(literal) != literal || strings.HasPrefix(literal, ".."):
		return pattern{}, patternError(s, "must stay below record_path: no / at the start, no . or .. or // in it")
	case safePath(literal) != literal:
		return pattern{}, patternError(s, "has a character or a length that file names should not have")
	}
	return p, nil
}

func placeholder(name string) int {
	for i := range placeholders {
		if placeholders[i].name == name {
			return i
		}
	}
	return -1
}

func patternError(s, what string) error {
	var b strings.Builder
	for _, p := range placeholders {
		fmt.Fprintf(&b, " {%s} (%s)", p.name, p.doc)
	}
	return fmt.Errorf("filename_pattern: %q %s; placeholders are%s", s, what, b.String())
}

// name is the path of a segment's file below the record directory; n tells how
// many like-named files there are before it.
func (p pattern) name(s *media.Segment, loc *time.Location, n int) string {
	at := time.Unix(0, s.StartUTC).In(loc)
	var b strings.Builder
	b.WriteString(p.text[0])
	for i, k := range p.values {
		b.WriteString(placeholders[k].value(s, at))
		b.WriteString(p.text[i+1])
	}
	full := safePath(b.String())
	stem := strings.TrimSuffix(full, ".mp4")
	if n > 0 {
		stem += "_" + strconv.Itoa(n+1)
	}
	return stem + ".mp4"
}

// safePath makes each component of a path safe, and leaves out empty ones.
func safePath(p string) string {
	parts := strings.Split(p, "/")
	out := parts[:0]
	for i, part := range parts {
		if part == "" {
			continue
		}
		ext := ""
		if i == len(parts)-1 && strings.HasSuffix(part, ".mp4") {
			part, ext = strings.TrimSuffix(part, ".mp4"), ".mp4"
		}
		out = append(out, safe(part)+ext)
	}
	return strings.Join(out, "/")
}

// safe makes one component of a path that every filesystem takes and no shell,
// terminal or browser misreads: letters, digits and a few signs stay. Leading
// dots go, so that nothing is hidden or climbs.
func safe(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|{}%`, r) {
			return '_'
		}
		return r
	}, s)
	if rest := strings.TrimLeft(s, "."); len(rest) < len(s) {
		s = "_" + rest
	}
	if s = strings.TrimRight(s, " "); s == "" {
		return "_"
	}
	for len(s) > maxComponent {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
