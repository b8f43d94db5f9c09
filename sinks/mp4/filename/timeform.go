package filename

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// timeConversions lists the conversions of strftime that a name may have, each with a regular
// expression for its values. It lists only conversions whose values fit a name and do not depend
// on the machine's language.
var timeConversions = map[byte]string{
	'a': letters, 'A': letters, 'b': letters, 'B': letters, 'h': letters, 'p': letters, 'P': letters,
	'C': `\d\d`, 'd': `\d\d`, 'g': `\d\d`, 'H': `\d\d`, 'I': `\d\d`, 'm': `\d\d`, 'M': `\d\d`, 'S': `\d\d`,
	'U': `\d\d`, 'V': `\d\d`, 'W': `\d\d`, 'y': `\d\d`, 'u': `\d`, 'w': `\d`, 'G': `\d{4}`, 'Y': `\d{4}`,
	'j': `\d{3}`, 'L': `\d{3}`, 'f': `\d{6}`, 'N': `\d{9}`, 's': `\d{9,}`, 'Q': `\d{12,}`,
	'F': `\d{4}-\d\d-\d\d`, 'z': `[+-]\d{4}`, 'Z': `[A-Za-z0-9+-]+`,
}

const letters = "[A-Za-z]+"

// unpadded lists the conversions that accept a - for values without a leading 0: %-d writes 5, %d
// writes 05.
const unpadded = "dHIjmMS"

// insteadOf maps the conversions whose values do not fit a name, since they have slashes, colons
// or spaces, to the replacements that errors propose.
var insteadOf = map[byte]string{
	'c': "%Y-%m-%d_%H-%M-%S", 'D': "%m-%d-%y", 'e': "%d", 'k': "%H", 'l': "%I", 'n': "_", 'r': "%I-%M-%S%p",
	'R': "%H-%M", 't': "_", 'T': "%H-%M-%S", 'v': "%d-%b-%Y", 'x': "%Y-%m-%d", 'X': "%H-%M-%S", '+': "%Y-%m-%d_%H-%M-%S", '%': "_",
}

// checkTimeForm checks a strftime format of a placeholder. wrong is empty or a text about the
// fault; at is then the offset of the faulty byte. A format may have slashes, which make
// directories.
func checkTimeForm(form string) (at int, wrong string) {
	if !strings.Contains(form, "%") {
		return 0, fmt.Sprintf("%q has no conversion of strftime: write for example %%Y-%%m-%%d or %%H-%%M-%%S", form)
	}
	for i := 0; i < len(form); {
		if form[i] == '%' {
			n, wrong := conversion(form[i+1:])
			if wrong != "" {
				return i, wrong
			}
			i += 1 + n
			continue
		}
		r, n := utf8.DecodeRuneInString(form[i:])
		if unfitInPath(r) {
			return i, unfitError(form[i:])
		}
		i += n
	}
	return 0, ""
}

// conversion checks the conversion at the start of s, the text after a %, and returns its number
// of bytes. wrong is empty or a text about the fault.
func conversion(s string) (n int, wrong string) {
	if s == "" {
		return 0, "% ends the form: write a conversion such as %Y, or leave it out"
	}
	n, flag := 1, ""
	if s[0] == '-' && len(s) > 1 {
		n, flag = 2, "-"
	}
	c := s[n-1]
	if _, known := timeConversions[c]; known && (flag == "" || strings.IndexByte(unpadded, c) >= 0) {
		return n, ""
	}
	_, width := utf8.DecodeRuneInString(s[n-1:])
	said := "%" + s[:n-1+width]
	if instead, ok := insteadOf[c]; ok && flag == "" {
		return n, fmt.Sprintf("%s has values that do not fit a file name: write %s", said, instead)
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(timeConversions)) {
		all = append(all, string(k))
	}
	return n, fmt.Sprintf("%s is not a conversion that a file name may have: write one of %%%s", said, strings.Join(all, " %"))
}
