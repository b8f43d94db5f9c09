package pipeline

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPath is the longest stream path in bytes: what every database can hold in an
// index, so that no recording is left without a row.
const MaxPath = 255

// CheckPath says why a stream path is not one. A path is one or more segments
// joined by single slashes: what can become a file name without surprise.
func CheckPath(p string) error {
	switch {
	case p == "":
		return errors.New("stream path is empty")
	case len(p) > MaxPath:
		return fmt.Errorf("stream path is %d bytes long, at most %d are taken", len(p), MaxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("stream path %q is not UTF-8", p)
	}
	for _, r := range p {
		if unicode.IsControl(r) || r == '\\' || r == unicode.ReplacementChar {
			return fmt.Errorf("stream path %q holds the character %q", p, r)
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

// maxGlob is the longest pattern: some ranges of characters more than the longest path.
const maxGlob = 4 * MaxPath

// Glob is a pattern of stream paths: in a segment *, ? and [...] mean what they
// mean in path.Match, and a segment ** stands for any number of segments.
type Glob struct {
	pattern  string
	segments []string
}

// ParseGlob checks a pattern.
func ParseGlob(pattern string) (Glob, error) {
	if len(pattern) > maxGlob {
		return Glob{}, fmt.Errorf("pattern %.40q... is %d bytes long, at most %d are taken", pattern, len(pattern), maxGlob)
	}
	g := Glob{pattern: pattern, segments: strings.Split(pattern, "/")}
	for _, seg := range g.segments {
		if seg == "" {
			return Glob{}, fmt.Errorf("pattern %q has an empty segment: write ** for every stream, live/** for all below live", pattern)
		}
		if _, err := path.Match(seg, "x"); err != nil {
			return Glob{}, fmt.Errorf("pattern %q: segment %q: %w", pattern, seg, err)
		}
	}
	return g, nil
}

// String is the pattern as it was written.
func (g Glob) String() string { return g.pattern }

// Match reports whether the pattern covers a stream path.
func (g Glob) Match(p string) bool { return matchSegments(g.segments, strings.Split(p, "/")) }

// matchSegments walks both lists once, going back only to the last ** seen.
func matchSegments(pattern, segs []string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(segs) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			star, mark = i, j
			i++
		case i < len(pattern) && matchSegment(pattern[i], segs[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

func matchSegment(pattern, seg string) bool {
	ok, err := path.Match(pattern, seg)
	return err == nil && ok
}
