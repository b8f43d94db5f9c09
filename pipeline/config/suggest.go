package config

import (
	"strconv"
	"strings"
)

// Unknown returns the message for an unknown name. kind is a noun such as "key". If one of the known names is
// similar, the message suggests it.
func Unknown(kind, name string, known []string) string {
	msg := "unknown " + kind + " " + quote(name)
	if near := Nearest(name, known); near != "" {
		msg += ", " + DidYouMean(quote(near))
	}
	return msg
}

// DidYouMean returns a question that suggests the text, for a hint. It returns "" if text is "", so that a caller
// need not check the result of Nearest.
func DidYouMean(text string) string {
	if text == "" {
		return ""
	}
	return "did you mean " + text + "?"
}

// Nearest returns the known name that differs from name in the fewest letters, without regard to case. It returns
// "" if each differs in more than a third of name's letters and in more than one.
func Nearest(name string, known []string) (near string) {
	best := max(1, len(name)/3) + 1
	for _, k := range known {
		if max(len(name), len(k)) >= min(len(name), len(k))+best {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < best {
			best, near = d, k
		}
	}
	return near
}

// distance returns the number of insertions, deletions, replacements and swaps of letters that turn one text
// into the other (optimal string alignment). It returns 64 if a text has more than 64 bytes.
func distance(a, b string) int {
	const longest = 64
	if max(len(a), len(b)) > longest {
		return longest
	}
	var rows [longest + 1][longest + 1]int
	for i := range len(a) + 1 {
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// QuoteName returns a name in quotes for a message. For a text that does not look like a name it returns the words
// "of this name", because a user may have written a whole command or URL there, with a secret.
func QuoteName(name string) string {
	const longest = 64
	if len(name) > longest || !plainText(name, "_-.") {
		return "of this name"
	}
	return strconv.Quote(name)
}
