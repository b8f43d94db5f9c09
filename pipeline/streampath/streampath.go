// Package streampath validates the paths of streams, such as live/door, and matches them with
// patterns.
package streampath

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes is the length of the longest stream path, in bytes. Each supported database can index a text of this
// length.
const MaxBytes = 255

// Rule describes a valid stream path in words, for the documentation and for errors.
const Rule = "segments joined by single slashes; a segment is made of letters and digits of any script, other printing characters beyond ASCII, " +
	"and of . _ - + , : @ ~ and space; it begins with none of - + , : @ ~ and space, does not end with a space, and is neither . nor .."

// Check returns an error, with the invalid character and the rule, if p is not a valid stream path. A stream
// path becomes part of a file name, of a URL, and of an argument or variable of a command. So it must not
// contain a character with a special meaning in a shell, a file system or a URL, and no segment may look like
// an option (-rf), a file to be read (@x) or a home directory (~x).
//
// Recordings that earlier versions made may have other paths: see CheckStored.
func Check(p string) error {
	if err := CheckStored(p); err != nil {
		return err
	}
	begins := true // the character is the first of a segment
	for at, r := range p {
		next, _ := utf8.DecodeRuneInString(p[at+utf8.RuneLen(r):])
		ends := next == utf8.RuneError || next == '/'
		switch {
		case r == '/':
			begins = true
			continue
		case !inPath(r):
			return pathError(p, at, r, "it holds")
		case begins && (strings.ContainsRune("-+,:@~ ", r) || unicode.IsMark(r)):
			return pathError(p, at, r, "a segment of it begins with")
		case ends && r == ' ':
			return pathError(p, at, r, "a segment of it ends with")
		}
		begins = false
	}
	return nil
}

// inPath reports whether a stream path may contain the character.
func inPath(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-+,:@~ /", r)
	}
	return unicode.IsPrint(r)
}

func pathError(p string, at int, r rune, what string) error {
	return fmt.Errorf("stream path %q: %s the character %q (number %d): allowed are %s", p, what, r, utf8.RuneCountInString(p[:at])+1, Rule)
}

// CheckStored checks p by the looser rule of earlier versions: p is UTF-8 of at most MaxBytes without control
// characters, backslashes and U+FFFD, and no segment is empty or consists of one or two dots. Use it for queries, so
// that recordings made by earlier versions can still be listed, played and deleted. Check has the rule for new
// streams.
func CheckStored(p string) error {
	switch {
	case p == "":
		return errors.New("stream path is empty")
	case len(p) > MaxBytes:
		return fmt.Errorf("stream path is %d bytes long, at most %d are taken", len(p), MaxBytes)
	case !utf8.ValidString(p):
		return fmt.Errorf("stream path %q is not UTF-8", p)
	}
	for at, r := range p {
		if unicode.IsControl(r) || r == '\\' || r == unicode.ReplacementChar {
			return pathError(p, at, r, "it holds")
		}
	}
	for seg := range strings.SplitSeq(p, "/") {
		switch seg {
		case "":
			return fmt.Errorf("stream path %q has an empty segment: write it without a slash at either end and without //", p)
		case ".", "..":
			return fmt.Errorf("stream path %q has the segment %q", p, seg)
		}
	}
	return nil
}

// CheckOne is CheckStored for a path whose footage is wanted. It also refuses * and live/*, which stand for several
// streams in a query of the catalogue.
func CheckOne(p string) error {
	if err := CheckStored(p); err != nil {
		return err
	}
	if strings.Contains(p, "*") {
		return fmt.Errorf("stream path %q is a pattern: write the path of one stream", p)
	}
	return nil
}

// maxGlob is the length of the longest pattern, in bytes. It has room for a path of MaxBytes in which some
// characters are ranges such as [0-9].
const maxGlob = 4 * MaxBytes

// Glob is a pattern of stream paths. *, ? and [...] match within a segment, as in path.Match. A segment **
// matches any number of segments, including none.
type Glob struct {
	pattern  string
	segments []globSegment
}

// globSegment is one segment of a pattern.
type globSegment struct {
	text string
	any  bool // the segment is **
	wild bool // text is a pattern for path.Match, not a literal
}

// ParseGlob parses a pattern. It returns an error for a pattern that is too long, has an empty segment, or has a
// segment that path.Match refuses.
func ParseGlob(pattern string) (Glob, error) {
	if len(pattern) > maxGlob {
		return Glob{}, fmt.Errorf("pattern %.40q... is %d bytes long, at most %d are taken", pattern, len(pattern), maxGlob)
	}
	g := Glob{pattern: pattern}
	for seg := range strings.SplitSeq(pattern, "/") {
		if seg == "" {
			return Glob{}, fmt.Errorf("pattern %q has an empty segment: write ** for every stream, live/** for all below live", pattern)
		}
		if _, err := path.Match(seg, "x"); err != nil {
			return Glob{}, fmt.Errorf("pattern %q: segment %q: %w", pattern, seg, err)
		}
		g.segments = append(g.segments, globSegment{text: seg, any: seg == "**", wild: strings.ContainsAny(seg, `*?[\`)})
	}
	return g, nil
}

// String returns the pattern as it was written.
func (g Glob) String() string { return g.pattern }

// Match reports whether the pattern matches the stream path p. It does not allocate. At a segment that does not
// match, it extends the match of the last ** by one segment and tries again; it never goes back to an earlier **.
func (g Glob) Match(p string) bool {
	star, mark := -1, 0 // index of the last ** in the pattern, and end of its match in p
	i, at := 0, 0       // index of the current segment of the pattern, and offset of its segment in p
	for at <= len(p) {
		seg, next := segmentAt(p, at)
		switch {
		case i < len(g.segments) && g.segments[i].any:
			star, mark = i, at
			i++
		case i < len(g.segments) && g.segments[i].match(seg):
			i, at = i+1, next
		case star >= 0:
			_, mark = segmentAt(p, mark)
			i, at = star+1, mark
		default:
			return false
		}
	}
	for i < len(g.segments) && g.segments[i].any {
		i++
	}
	return i == len(g.segments)
}

// Globs is a list of patterns.
type Globs []Glob

// ParseGlobs parses patterns. Its error is that of ParseGlob for the first wrong one.
func ParseGlobs(patterns []string) (all Globs, err error) {
	for _, pattern := range patterns {
		g, err := ParseGlob(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// Match reports whether one of the patterns matches the stream path p.
func (all Globs) Match(p string) bool {
	return slices.ContainsFunc(all, func(g Glob) bool { return g.Match(p) })
}

// segmentAt returns the segment of p that begins at the offset at, and the offset of the next segment. After the
// last segment, next is len(p) + 1.
func segmentAt(p string, at int) (seg string, next int) {
	if n := strings.IndexByte(p[at:], '/'); n >= 0 {
		return p[at : at+n], at + n + 1
	}
	return p[at:], len(p) + 1
}

func (g *globSegment) match(seg string) bool {
	if !g.wild {
		return g.text == seg
	}
	ok, err := path.Match(g.text, seg)
	return err == nil && ok
}
