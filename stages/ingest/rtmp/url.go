package rtmp

import (
	"net/url"
	"strings"

	"github.com/gospool/spool/stages/ingest"
)

// target is the stream that a client names, and its credentials.
type target struct {
	path        string
	credentials ingest.Credentials
}

// targetOf reads the names that a client has sent: app and tcUrl of connect, and the key of publish. Clients divide the path
// of a URL between app and key in several ways, and each part may have a query. The credentials of the key win, then those
// of app, then those of tcUrl.
func targetOf(app, tcURL, key string) (t target) {
	app, appQuery := cut(app)
	key, keyQuery := cut(key)
	var parts []string
	for _, part := range []string{app, key} {
		if part = strings.Trim(part, "/"); part != "" {
			parts = append(parts, part)
		}
	}
	t.path = strings.Join(parts, "/")
	if plain, err := url.PathUnescape(t.path); err == nil {
		t.path = plain
	}
	_, urlQuery := cut(tcURL)
	for _, query := range []string{keyQuery, appQuery, urlQuery} {
		if t.credentials = credentialsOf(query); t.credentials != (ingest.Credentials{}) {
			return t
		}
	}
	if u, err := url.Parse(tcURL); err == nil && u.User != nil {
		t.credentials.Name = u.User.Username()
		t.credentials.Password, _ = u.User.Password()
	}
	return t
}

// cut divides a name from its query. Some users forget the question mark: no path has an ampersand.
func cut(text string) (name, query string) {
	at := strings.IndexAny(text, "?&")
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at+1:]
}

// credentialsOf returns the credentials in a query: user and pass, or a token NAME:PASSWORD.
func credentialsOf(query string) (c ingest.Credentials) {
	for item := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' }) {
		key, value, _ := strings.Cut(item, "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		switch key {
		case "user", "username":
			c.Name = value
		case "pass", "password":
			c.Password = value
		case "token":
			c.Name, c.Password, _ = strings.Cut(value, ":")
		}
	}
	return c
}
