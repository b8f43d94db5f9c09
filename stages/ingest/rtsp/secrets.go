package rtsp

import (
	"net/url"
	"strings"
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
		clean = strings.ReplaceAll(clean, secret, "xxxxx")
	}
	if clean == text {
		return err
	}
	return redacted{err, clean}
}
