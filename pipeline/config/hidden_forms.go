package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

type secretForm struct{}

func (secretForm) shown(string) string { return hiddenText }
func (secretForm) own(string) string   { return hiddenText }

type tokenForm struct{}

func (tokenForm) shown(text string) string {
	const digest = "sha256:"
	if given, is := strings.CutPrefix(text, digest); is {
		if _, err := hex.DecodeString(given); err == nil && len(given) == 2*sha256.Size {
			return text
		}
	}
	return fmt.Sprintf("%s%x", digest, sha256.Sum256([]byte(text)))
}

func (f tokenForm) own(text string) string { return f.shown(text) }

type urlForm struct{}

// shown returns scheme://host, with a placeholder for any user info, path, query and fragment. If the text is no
// URL, it returns only a placeholder.
func (urlForm) shown(text string) string {
	if scheme, _, runs := CommandOf(text); runs {
		return scheme + ":" + cutText
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "":
		return cutText
	case u.Host == "" && strings.Contains(text, "@"): // user:password@host
		return cutText
	case u.Host == "":
		return u.Scheme + ":" + cutText
	case u.User == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "":
		return text
	}
	return u.Scheme + "://" + u.Host + "/" + cutText
}

func (urlForm) own(text string) string {
	if _, _, runs := CommandOf(text); runs {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && strings.Contains(text, "@") {
		return cutText
	}
	query := named.ReplaceAllString(u.RawQuery, "$1="+hiddenText)
	if _, has := u.User.Password(); !has && query == u.RawQuery {
		return text
	}
	u.RawQuery = query
	return u.Redacted()
}

// ShownURL returns the scheme and the host of u, with a placeholder for any user info, path, query and fragment.
// It is for a URL that does not come from a configuration. It returns "" for nil.
func ShownURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return urlForm{}.shown(u.String())
}

// dsnForm shows the hosts and the database of a data source name of PostgreSQL (a URL or keywords) and MySQL, and
// the path of SQLite. A placeholder stands for the rest of the text, or for all of it if it cannot be parsed.
type dsnForm struct{}

func (f dsnForm) own(text string) string { return f.shown(text) }

func (dsnForm) shown(text string) string {
	switch {
	case strings.HasPrefix(text, "mysql://"):
		return mysqlShown("mysql://", strings.TrimPrefix(text, "mysql://"))
	case strings.Contains(text, "://"):
		return urlDSNShown(text)
	case strings.Contains(text, "@"):
		return mysqlShown("", text)
	}
	file, query, has := strings.Cut(text, "?")
	switch {
	case strings.Contains(file, "="):
		return keywordsShown(text)
	case has && query != "":
		return file + "?" + cutText
	}
	return text
}

func urlDSNShown(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, "@=") {
		return cutText
	}
	out := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		out += "?" + cutText
	}
	return out
}

// mysqlShown returns the part protocol(address)/database of a data source name
// [user[:password]@][protocol[(address)]]/database[?...], with prefix before it.
func mysqlShown(prefix, text string) string {
	where := text[strings.LastIndex(text, "@")+1:]
	where, query, _ := strings.Cut(where, "?")
	slash := strings.LastIndex(where, "/")
	if slash < 0 || !plainText(where[slash+1:], "_$-.") {
		return cutText
	}
	protocol, address, has := strings.Cut(where[:slash], "(")
	address, closed := strings.CutSuffix(address, ")")
	if has != closed || !plainText(protocol, "+") || !plainText(address, ".:-_/[]") {
		return cutText
	}
	out := prefix + where
	if query != "" || strings.Contains(text, "@") {
		out += "?" + cutText
	}
	return out
}

// keywordsShown returns the hosts, ports and database of a data source name such as "host=a port=1 dbname=b
// user=c", and a placeholder after them.
func keywordsShown(text string) string {
	var out []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		key, rest, ok := strings.Cut(text, "=")
		value, rest := keywordValue(strings.TrimLeft(rest, " "))
		text = rest
		key = strings.TrimSpace(key)
		if !ok || !plainText(key, "_") {
			return cutText
		}
		if (key == "host" || key == "port" || key == "dbname") && plainText(value, ".:-_/,[]") {
			out = append(out, key+"="+value)
		}
	}
	return strings.Join(append(out, cutText), " ")
}

// keywordValue returns the first value of a text, and the text after it. The value is in single quotes, or ends
// at a space; a backslash escapes the next character.
func keywordValue(text string) (value, rest string) {
	text, quoted := strings.CutPrefix(text, "'")
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'', !quoted && c == ' ':
			return b.String(), text[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// plainText reports whether a text has only letters and digits of ASCII and the characters in also.
func plainText(text, also string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(also, r)
		return !plain
	})
}
