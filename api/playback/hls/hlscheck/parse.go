package hlscheck

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// line is a tag or a URI of a playlist.
type line struct {
	n     int    // number in the playlist, from 1
	tag   string // without #; empty for a URI
	value string // text after the colon, or the URI
	has   bool   // the tag has a colon
}

// lines splits a playlist into its tags and URIs, and reports violations of RFC 8216bis, 4.1.
func (c *checker) lines(text string) (out []line) {
	if !utf8.ValidString(text) || strings.HasPrefix(text, "\ufeff") {
		c.fault(0, "it must be UTF-8 without a byte order mark")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 }) {
		c.fault(0, "it has control characters")
	}
	if !strings.HasSuffix(text, "\n") {
		c.fault(0, "its last line is cut")
	}
	for n, s := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		s = strings.TrimSuffix(s, "\r")
		if n == 0 && s != "#EXTM3U" {
			c.fault(1, "the first line must be #EXTM3U")
		}
		if n > 0 && s == "#EXTM3U" {
			c.fault(n+1, "#EXTM3U again")
		}
		switch {
		case s == "" || s[0] == '#' && !strings.HasPrefix(s, "#EXT"):
		case s[0] != '#':
			if strings.ContainsAny(s, " \t\"") {
				c.fault(n+1, "the URI %q has characters that it must escape", s)
			}
			out = append(out, line{n: n + 1, value: s})
		default:
			tag, value, has := strings.Cut(s[1:], ":")
			out = append(out, line{n + 1, tag, value, has})
		}
	}
	return out
}

// attributes parses the attribute list of a tag (RFC 8216bis, 4.2). It keeps the quotes of quoted
// strings.
func (c *checker) attributes(l line) map[string]string {
	out := map[string]string{}
	for rest := l.value; ; {
		name, after, ok := strings.Cut(rest, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			c.fault(l.n, "bad attribute name %q", name)
			return out
		}
		value, more, comma := after, "", false
		if strings.HasPrefix(after, `"`) {
			end := strings.Index(after[1:], `"`)
			if end < 0 {
				c.fault(l.n, "the value of %s has no closing quote", name)
				return out
			}
			value, more = after[:end+2], after[end+2:]
			if more != "" && more[0] != ',' {
				c.fault(l.n, "text after the value of %s", name)
				return out
			}
			comma, more = more != "", strings.TrimPrefix(more, ",")
		} else {
			value, more, comma = strings.Cut(after, ",")
			if value == "" || strings.ContainsAny(value, " \t\"") {
				c.fault(l.n, "bad value %q of %s", value, name)
			}
		}
		if _, again := out[name]; again {
			c.fault(l.n, "the attribute %s is given again", name)
		}
		if out[name] = value; !comma {
			return out
		}
		rest = more
	}
}

// quoted returns the value of a quoted string.
func (c *checker) quoted(l line, list map[string]string, name string) string {
	v, ok := list[name]
	if ok && (len(v) < 2 || v[0] != '"') {
		c.fault(l.n, "the value of %s must be a quoted string", name)
		return v
	}
	return strings.Trim(v, `"`)
}

// fault notes a violation in a line; n is 0 for the whole playlist.
func (c *checker) fault(n int, format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	if n > 0 {
		text = fmt.Sprintf("line %d: %s", n, text)
	}
	c.Faults = append(c.Faults, c.name+": "+text)
}
