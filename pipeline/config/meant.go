package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// syntaxHint returns the remedy for a message of the YAML library, given the text of the line with the error.
// It returns "" if no remedy is known.
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

// placeholder matches a value without quotes that begins with a placeholder of a file name, such as
// {stream}_{date}. YAML reads it as a map with text after it.
var placeholder = regexp.MustCompile(`:\s+\{[a-z_]+(:%[^{}]*)?\}\s*[^\s,}\]#]`)

// curlyQuotes are the quotes that word processors write in place of straight quotes.
const curlyQuotes = "“”„‟‘’‚‛«»"

// lineOf returns a line of a text, or "" if the text has fewer lines. The first line is 1.
func lineOf(data []byte, line int) string {
	lines := strings.SplitN(string(data), "\n", line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}

// invisible returns the first character of a key and true if that character is invisible, such as a wide space
// in the indentation.
func invisible(key string) (r rune, is bool) {
	for _, r := range key {
		return r, r > unicode.MaxASCII && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r))
	}
	return 0, false
}

// measured matches a number with a word after it, such as "10 min".
var measured = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\.?\s*$`)

// meantDuration returns the valid form of a duration such as "10 min" or "2 days", and "" for an unknown unit.
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

// meantSize returns both valid forms of a size such as "10 megabytes", in powers of 1000 and of 1024. It
// returns "" for an unknown unit.
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

// didYouMean returns hint, with a question before it that suggests the text meant. If meant is "", it returns
// hint unchanged.
func didYouMean(meant, hint string) string {
	if meant == "" {
		return hint
	}
	return DidYouMean(meant) + " " + hint
}

// variable matches an environment variable in shell syntax, such as ${HOME}.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// MsgVariable is the message for a value that contains an environment variable, such as ${HOME}.
const MsgVariable = "${...} is not replaced here: what stands in the file is taken as it is"

// refusesVariable adds a problem and returns true if n is a text with an environment variable, such as ${HOME},
// which Decode does not replace.
func (d *decoder) refusesVariable(n *Node) bool {
	s, ok := n.Scalar.(string)
	if !ok || !variable.MatchString(s) {
		return false
	}
	d.add(n, Problem{Msg: MsgVariable})
	return true
}

// windowsPath matches a path that begins with a drive or a network share of Windows.
var windowsPath = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\)`)

// WindowsPath reports whether a text is an absolute Windows path. Other systems would take it for a file name
// in the working directory.
func WindowsPath(text string) bool { return windowsPath.MatchString(text) }
