// Package redact takes the password of a pulled source out of texts: errors, lines of the log, and what the source itself
// says, which may repeat the password.
package redact

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Texts are the forms of a password that no log line, no error and no answer of the API may contain.
type Texts []string

// Of returns the forms in which the password of a URL may occur in a text, the server's words included: with and
// without percent-encoding, with and without the user, and as credentials of Basic. It returns nil if the URL has no
// password.
func Of(u *url.URL) Texts {
	pass, ok := u.User.Password()
	if !ok || pass == "" {
		return nil
	}
	_, escaped, _ := strings.Cut(u.User.String(), ":")
	basic := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + pass))
	return Texts{u.User.String(), url.QueryEscape(pass), url.PathEscape(pass), escaped, basic, pass}
}

// redacted is an error with another text, which contains no password. It wraps the original error.
type redacted struct {
	error
	text string
}

func (r redacted) Error() string { return r.text }
func (r redacted) Unwrap() error { return r.error }

// Error returns err with the password replaced by xxxxx in its text. It returns nil for nil.
func (t Texts) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := t.Hide(text)
	if clean == text {
		return err
	}
	return redacted{err, clean}
}

// Hide returns a text with each form of the password replaced by xxxxx.
func (t Texts) Hide(text string) string {
	for _, secret := range t {
		text = hide(text, secret)
	}
	return text
}

// hide replaces a secret in a text by xxxxx. It ignores the case of letters, because names of codecs are shown in lower
// case, and percent-encoding may use either case. A secret shorter than byChanceBytes stays where it is part of a
// longer word, because it occurs there by chance: the password p must not replace letters of "dial tcp".
func hide(text, secret string) string {
	var out strings.Builder
	lower, lowerSecret := lowerASCII(text), lowerASCII(secret)
	for from := 0; ; {
		at := strings.Index(lower[from:], lowerSecret)
		if at < 0 {
			out.WriteString(text[from:])
			return out.String()
		}
		begin, end := from+at, from+at+len(secret)
		out.WriteString(text[from:begin])
		if len(secret) < byChanceBytes && (within(text, begin) || within(text, end)) {
			out.WriteString(text[begin:end])
		} else {
			out.WriteString("xxxxx")
		}
		from = end
	}
}

// lowerASCII returns a text of the same length with the letters A to Z in lower case.
func lowerASCII(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}

// byChanceBytes is the length from which on a password is too long to occur in an error by chance.
const byChanceBytes = 6

// within reports whether a position in a text is inside a word: between two letters or digits.
func within(text string, at int) bool {
	if at == 0 || at == len(text) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return word(before) && word(after)
}
