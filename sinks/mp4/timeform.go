package mp4

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The conversions of strftime that a name may have: those whose value is letters,
// digits or a sign, and says the same on every machine.
const (
	timeConversions = "aAbBCdfFgGhHIjLmMNpPQsSuUVwWyYzZ"
	unpadded        = "dHIjmMS" // with - before them: %-d is 5 and not 05
)

// insteadOf is what to write for conversions whose value is not fit for a name:
// slashes, colons, spaces and the like.
var insteadOf = map[byte]string{
	'c': "%Y-%m-%d_%H-%M-%S", 'D': "%m-%d-%y", 'e': "%d", 'k': "%H", 'l': "%I", 'n': "_", 'r': "%I-%M-%S%p",
	'R': "%H-%M", 't': "_", 'T': "%H-%M-%S", 'v': "%d-%b-%Y", 'x': "%Y-%m-%d", 'X': "%H-%M-%S", '+': "%Y-%m-%d_%H-%M-%S", '%': "_",
}

// checkTimeForm checks a form of strftime for names. What is wrong is about the
// byte at an offset; a literal / makes directories.
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

// conversion checks what follows a %, and tells how many bytes of it belong to it.
func conversion(s string) (n int, wrong string) {
	if s == "" {
		return 0, "% ends the form: write a conversion such as %Y, or leave it out"
	}
	taken := timeConversions
	if n = 1; s[0] == '-' && len(s) > 1 {
		taken, n = unpadded, 2
	}
	if c := s[n-1]; strings.IndexByte(taken, c) < 0 {
		_, width := utf8.DecodeRuneInString(s[n-1:])
		said := "%" + s[:n-1+width]
		if instead, ok := insteadOf[c]; ok && n == 1 {
			return n, fmt.Sprintf("%s gives what is not fit for a name: write %s", said, instead)
		}
		return n, fmt.Sprintf("%s is no conversion of time that a name may have: write of %%%s", said, strings.Join(strings.Split(timeConversions, ""), " %"))
	}
	return n, ""
}
