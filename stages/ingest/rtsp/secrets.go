package rtsp

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secrets returns the forms in which a URL's password may show.
func secrets(u *url.URL) []string {
	pass, ok := u.User.Password()
	if !ok || pass == "" {
		return nil
	}
	_, escaped, _ := strings.Cut(u.User.String(), ":")
	return []string{u.User.String(), url.QueryEscape(pass), url.PathEscape(pass), escaped, pass}
}

// redacted is an error without secrets, wherever they came from.
type redacted struct {
	error
	text string
}

func (r redacted) Error() string { return r.text }
func (r redacted) Unwrap() error { return r.error }

// redact takes the password out of an error's text.
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

// hide puts xxxxx in the place of a secret. Where the secret is only a part of a word it
// is that word's letters and no secret, unless it is too long to be so by chance: of
// "dial tcp" a password p hides nothing.
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
		if len(secret) < byChance && (within(text, begin) || within(text, end)) {
			out.WriteString(secret)
		} else {
			out.WriteString("xxxxx")
		}
		from = end
	}
}

// byChance is how long a password is, in bytes, that no other word of an error holds.
const byChance = 6

// within reports whether a place in a text is between two letters or digits.
func within(text string, at int) bool {
	if at == 0 || at == len(text) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return word(before) && word(after)
}
