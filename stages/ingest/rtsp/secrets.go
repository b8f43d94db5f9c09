package rtsp

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secrets returns the forms in which the password of a URL may occur in an error: with and without percent-encoding,
// with and without the user. It returns nil if the URL has no password.
func secrets(u *url.URL) []string {
	pass, ok := u.User.Password()
	if !ok || pass == "" {
		return nil
	}
	_, escaped, _ := strings.Cut(u.User.String(), ":")
	return []string{u.User.String(), url.QueryEscape(pass), url.PathEscape(pass), escaped, pass}
}

// redacted is an error with another text, which contains no password. It wraps the original error.
type redacted struct {
	error
	text string
}

func (r redacted) Error() string { return r.text }
func (r redacted) Unwrap() error { return r.error }

// redact returns err with the password replaced by xxxxx in its text. It returns nil for nil.
func (p *puller) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := text
	for _, secret := range p.secret {
		clean = hide(clean, secret)
	}
	if clean == text {
		return err
	}
	return redacted{err, clean}
}

// hide replaces a secret in a text by xxxxx. A secret shorter than byChanceBytes stays where it is part of a longer
// word, because it occurs there by chance: the password p must not replace letters of "dial tcp".
func hide(text, secret string) string {
	var out strings.Builder
	for from := 0; ; {
		at := strings.Index(text[from:], secret)
		if at < 0 {
			out.WriteString(text[from:])
			return out.String()
		}
		begin, end := from+at, from+at+len(secret)
		out.WriteString(text[from:begin])
		if len(secret) < byChanceBytes && (within(text, begin) || within(text, end)) {
			out.WriteString(secret)
		} else {
			out.WriteString("xxxxx")
		}
		from = end
	}
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
