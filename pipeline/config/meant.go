package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// syntaxHint returns the remedy for an error of the YAML library, from its message and the line
// concerned; empty if none is known.
func syntaxHint(msg, line string) string {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(msg, part) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.ContainsAny(line, curlyQuotes):
		return `write straight quotes, " or ': typographic ones are letters to YAML`
	case placeholder.MatchString(line):
		return `a text that begins with { stands in quotes, as in "{stream}_{date}.mp4"`
	case has("unknown anchor", "scanning an alias"):
		return `a text that begins with * stands in quotes, as in ["**"]`
	case has(`'\t'`, "a tab character"):
		return "indent with spaces: a tab is no indentation in YAML"
	case has("cannot start any token", "scanning an anchor", "while scanning a directive"):
		return "a text that begins with this character stands in quotes"
	case has("mapping values are not allowed"):
		return "a space stands behind the colon of a key, in this line and the one before; a text with a colon and a space in it stands in quotes"
	case has("expected key", "block mapping", "block collection", "block sequence", "expected <block end>", "expected '-' indicator"):
		return "keys of one level begin in one column: compare the indentation of this line with the lines above"
	case has("expected ','", "flow mapping", "flow sequence"):
		return "a comma or the closing bracket is missing, or a text with one of , : { } [ ] # in it does not stand in quotes"
	case has("quoted scalar"):
		return "the closing quote is missing; a backslash stands in single quotes, or twice"
	}
	return ""
}

// placeholder matches a value that begins with a placeholder of a file name and has no quotes: to YAML
// it is a map with text behind it.
var placeholder = regexp.MustCompile(`:\s+\{[a-z_]+(:%[^{}]*)?\}\s*[^\s,}\]#]`)

// curlyQuotes are the quotes that word processors write instead of straight ones.
const curlyQuotes = "“”„‟‘’‚‛«»"

// lineOf returns a line of a text, counted from 1.
func lineOf(data []byte, line int) string {
	lines := strings.SplitN(string(data), "\n", line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}

// invisible returns an invisible first character of a key, such as a wide space in the indentation.
func invisible(key string) (r rune, is bool) {
	for _, r := range key {
		return r, r > unicode.MaxASCII && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r))
	}
	return 0, false
}

// measured matches a number followed by a word.
var measured = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\.?\s*$`)

// meantDuration returns the valid form of the duration that was probably meant; empty if unknown.
func meantDuration(text string) string {
	m := measured.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	word := strings.ToLower(m[2])
	if len(word) > 1 {
		word = strings.TrimSuffix(word, "s")
	}
	unit, hours := map[string]string{"sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h", "hour": "h", "milli": "ms", "msec": "ms", "millisecond": "ms"}[word],
		map[string]int{"d": 24, "day": 24, "w": 7 * 24, "wk": 7 * 24, "week": 7 * 24}[word]
	if word != m[2] && unit == "" {
		unit = map[string]string{"s": "s", "m": "m", "h": "h"}[word]
	}
	switch {
	case unit != "":
		return m[1] + unit
	case hours > 0:
		var n float64
		if _, err := fmt.Sscan(m[1], &n); err != nil || n > 1e5 {
			return ""
		}
		return fmt.Sprintf("%gh", n*float64(hours))
	}
	return ""
}

// meantSize returns the valid form of the size that was probably meant, in powers of 1000 or 1024;
// empty if unknown.
func meantSize(text string) string {
	m := measured.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	unit := map[string]string{
		"k": "K", "ki": "K", "kilobyte": "K", "m": "M", "mi": "M", "megabyte": "M", "meg": "M", "g": "G", "gi": "G", "gig": "G", "gigabyte": "G", "t": "T", "ti": "T", "terabyte": "T",
	}[strings.TrimSuffix(strings.ToLower(m[2]), "s")]
	if unit == "" {
		return ""
	}
	return fmt.Sprintf("%s%sB, or %s%siB", m[1], unit, m[1], unit)
}

// didYouMean puts the suggestion before another hint.
func didYouMean(meant, hint string) string {
	if meant == "" {
		return hint
	}
	return DidYouMean(meant) + " " + hint
}

// variable matches an environment variable in the syntax of shells.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// MsgVariable is the message for a value with an environment variable.
const MsgVariable = "${...} is not replaced here: what stands in the file is taken as it is"

// refusesVariable reports an environment variable in a value that is no command.
func (d *decoder) refusesVariable(n *Node) bool {
	s, ok := n.Scalar.(string)
	if !ok || !variable.MatchString(s) {
		return false
	}
	d.add(n, Problem{Msg: MsgVariable})
	return true
}

// windowsPath matches a Windows path with a drive or a share.
var windowsPath = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\)`)

// WindowsPath reports whether a text is a Windows path, which names a file in the working directory
// on other systems.
func WindowsPath(text string) bool { return windowsPath.MatchString(text) }
