package filename

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ncruces/go-strftime"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// maxComponent is the greatest length of a path component in bytes: 255 on common file systems,
// less room for .mp4, for a number that avoids a taken name, and for media.PartSuffix.
const maxComponent = 255 - 16

// placeholders lists the placeholders of a pattern, in the order in which errors list them. form
// is the strftime format of a date or a time; a pattern can give such a placeholder another
// format: {date:%Y-%m-%d}. value returns the text of any other placeholder.
var placeholders = []struct {
	name, doc string
	form      string
	value     func(s *media.Segment, at time.Time) string
}{
	{"stream", "path of the stream, with _ for /", "", func(s *media.Segment, _ time.Time) string { return safe(strings.ReplaceAll(s.Stream, "/", "_")) }},
	{"stream_path", "its path with the slashes: makes directories", "", func(s *media.Segment, _ time.Time) string { return safePath(s.Stream) }},
	{"pipeline", "name of the pipeline", "", func(s *media.Segment, _ time.Time) string { return safe(s.Pipeline) }},
	{"date", "20260318, or {date:%Y-%m-%d} and other forms of strftime", "%Y%m%d", nil},
	{"time", "143025, or {time:%H-%M-%S}", "%H%M%S", nil},
	{"ms", "milliseconds, three digits", "", func(_ *media.Segment, at time.Time) string {
		return fmt.Sprintf("%03d", at.Nanosecond()/int(time.Millisecond))
	}},
	{"timestamp", "Unix seconds", "", func(_ *media.Segment, at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }},
	{"seq", "number of the file in this run, from 1", "", func(s *media.Segment, _ time.Time) string { return strconv.FormatUint(s.Index, 10) }},
}

// Pattern is a parsed filename_pattern. It alternates literal text and values of placeholders:
// text[0] values[0] text[1] ... text[n].
type Pattern struct {
	text   []string
	values []patternValue
}

type patternValue struct {
	placeholder int    // index in placeholders
	form        string // strftime format; empty for a placeholder without one
}

// Parse parses a pattern. It returns an error, which names the wrong character, if a placeholder
// is unknown, or if names would not end in .mp4 or not stay inside the record directory.
func Parse(s string) (Pattern, error) {
	var p Pattern
	for begin := 0; ; {
		n := strings.IndexAny(s[begin:], "{}")
		if n < 0 {
			n = len(s) - begin
		}
		open := begin + n
		p.text = append(p.text, s[begin:open])
		if at := strings.IndexFunc(s[begin:open], unfitInPath); at >= 0 {
			return Pattern{}, patternError(s, begin+at, unfitError(s[begin+at:]))
		}
		if open == len(s) {
			break
		}
		n = strings.IndexAny(s[open+1:], "{}")
		if s[open] == '}' || n < 0 || s[open+1+n] == '{' {
			return Pattern{}, patternError(s, open, "a brace stands alone: write {date}, or leave it out")
		}
		begin = open + n + 2
		v, at, wrong := parseValue(s[open+1 : begin-1])
		if wrong != "" {
			return Pattern{}, patternError(s, open+1+at, wrong)
		}
		p.values = append(p.values, v)
	}
	if at, wrong := p.shape(s); wrong != "" {
		return Pattern{}, patternError(s, at, wrong)
	}
	return p, nil
}

// parseValue parses the text between two braces. wrong is empty or a text about the fault; at is
// then the offset of the faulty byte.
func parseValue(in string) (v patternValue, at int, wrong string) {
	name, form, formed := strings.Cut(in, ":")
	v.placeholder = placeholder(name)
	if v.placeholder < 0 {
		return v, 0, fmt.Sprintf("{%s} is not a placeholder: write one of%s", in, listPlaceholders())
	}
	if v.form = placeholders[v.placeholder].form; !formed {
		return v, 0, ""
	}
	at = len(name) + 1
	if v.form == "" {
		return v, at, fmt.Sprintf("{%s} takes no form: write {%s}; {date} and {time} take one", in, name)
	}
	v.form = form
	n, wrong := checkTimeForm(form)
	return v, at + n, wrong
}

// shape checks the paths that the pattern makes as a whole: their suffix, slashes, dots and
// components. It does so with one sample path. s is the text of the pattern. wrong is empty or a
// text about the fault; at is then the offset in s of the faulty byte, 0 if the fault has no
// place.
func (p *Pattern) shape(s string) (at int, wrong string) {
	sample := p.text[0]
	for i, v := range p.values {
		if v.form == "" {
			sample += "x"
		} else {
			sample += strftime.Format(v.form, time.Unix(0, 0).UTC()) // a format may contain slashes
		}
		sample += p.text[i+1]
	}
	switch {
	case !strings.HasSuffix(s, ".mp4") || path.Base(s) == ".mp4":
		return max(len(s)-1, 0), "a file's name ends in .mp4: write {stream}_{date}_{time}.mp4"
	case strings.HasPrefix(sample, "/") || path.Clean(sample) != sample || strings.HasPrefix(sample, ".."):
		return 0, "names stay below record_path: write no / at the start, no . or .. or // in it"
	case safePath(sample) != sample:
		return 0, "a part of the path begins with a dot or a dash, ends with a space or is too long: write {stream}/{date}_{time}.mp4"
	}
	for part := range strings.SplitSeq(sample, "/") {
		if filesystem.NamesSQLite(part) {
			return 0, fmt.Sprintf("a directory %q would take the place of a file of a SQLite database: end its name with another letter or _", part)
		}
	}
	return 0, ""
}

func placeholder(name string) int {
	for i := range placeholders {
		if placeholders[i].name == name {
			return i
		}
	}
	return -1
}

func listPlaceholders() string {
	var b strings.Builder
	for _, p := range placeholders {
		fmt.Fprintf(&b, " {%s} (%s)", p.name, p.doc)
	}
	return b.String()
}

// patternError returns the error of Parse about the byte of pattern s at an offset. The text
// counts characters, from 1.
func patternError(s string, offset int, why string) error {
	return fmt.Errorf("filename_pattern: %q, character %d: %s", s, utf8.RuneCountInString(s[:offset])+1, why)
}

// Name returns the path of a segment's file below the record directory, with slashes. Dates and
// times are those of the segment's start in the time zone loc. n is the number of names that the
// caller found taken: unless it is 0, Name puts _ and the number n+1 before .mp4.
func (p Pattern) Name(s *media.Segment, loc *time.Location, n int) string {
	at := time.Unix(0, s.StartUTC).In(loc)
	var b strings.Builder
	b.WriteString(p.text[0])
	for i, v := range p.values {
		if v.form != "" {
			b.WriteString(strftime.Format(v.form, at))
		} else {
			b.WriteString(placeholders[v.placeholder].value(s, at))
		}
		b.WriteString(p.text[i+1])
	}
	full := portable(safePath(b.String()))
	stem := strings.TrimSuffix(full, ".mp4")
	if n > 0 {
		stem += "_" + strconv.Itoa(n+1)
	}
	return stem + ".mp4"
}

// safePath makes each component of a path safe by safe, and leaves out empty components.
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

// portable adds a _ to the components of a path that Windows changes or reserves for devices:
// names that end in a dot, and names such as con and com1, with any extension. It also adds a _
// to names that SQLite uses for its files, since a directory would take the place of such a
// file.
func portable(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if rest := strings.TrimRight(part, "."); rest != part {
			part = rest + "_"
		}
		base, _, _ := strings.Cut(part, ".")
		if device.MatchString(base) {
			part = base + "_" + part[len(base):]
		}
		if filesystem.NamesSQLite(part) {
			part += "_"
		}
		parts[i] = part
	}
	return strings.Join(parts, "/")
}

var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)

// safe changes a path component so that the common file systems accept it, and no shell, terminal or
// browser misreads it. It replaces by _ each unfit character, all leading dots together, which would
// hide the file or lead to the parent, and a leading dash, which programs parse as an option. It
// cuts trailing spaces, and shortens the component to maxComponent bytes.
func safe(s string) string {
	s = strings.Map(func(r rune) rune {
		if unfit(r) {
			return '_'
		}
		return r
	}, s)
	if rest := strings.TrimLeft(s, "."); len(rest) < len(s) {
		s = "_" + rest
	}
	if rest, option := strings.CutPrefix(s, "-"); option {
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

// unfit reports whether a path component must not have a character, because SMB, exFAT or Windows
// refuses it, or URLs or shells interpret it.
func unfit(r rune) bool {
	return r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|{}%`, r)
}

func unfitInPath(r rune) bool { return r != '/' && unfit(r) }

func unfitError(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return fmt.Sprintf("%q is refused by some file systems and clients: write - or _", s[:n])
}

// Unusual returns the components of a file name that some file systems or programs may not accept,
// because they have a character that is not ASCII, or a special one such as a space. Unusual makes
// the file name from the pattern text, for a segment that starts at the time at, and for the given
// stream if there is one. It returns nil for an invalid pattern.
func Unusual(text string, at time.Time, stream ...string) (out []string) {
	p, err := Parse(text)
	if err != nil {
		return nil
	}
	s := &media.Segment{Stream: strings.Join(stream, ""), Pipeline: "x", Index: 1, StartUTC: at.UnixNano()}
	for _, part := range strings.Split(p.Name(s, time.UTC, 0), "/") {
		if strings.ContainsFunc(part, func(r rune) bool { return r >= utf8.RuneSelf || strings.ContainsRune(" +,;=[]&'`~!@#$^()", r) }) {
			out = append(out, part)
		}
	}
	return out
}
