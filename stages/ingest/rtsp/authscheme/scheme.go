// Package authscheme parses the headers WWW-Authenticate and Authorization (RFC 9110, 11.3 and 11.4), in the spellings
// of cameras and encoders. It skips text that it cannot read, and needs time proportional to the length of a header.
package authscheme

import "strings"

// Scheme is one challenge of a WWW-Authenticate header, or the credentials of an Authorization header, as a name and
// parameters. Name and the keys of Params are in lower case.
type Scheme struct {
	Name   string
	Params map[string]string
}

// Read returns the schemes in the values of a header, in order. One value may hold several schemes:
//
//	Digest realm="a, b", nonce="..", stale=FALSE, Basic realm="c"
//
// Either quote of a value may be missing, and blanks may stand anywhere. Of several parameters with one key in a
// scheme, the first counts.
func Read(headers []string) (out []Scheme) {
	for _, text := range headers {
		for text = strings.TrimLeft(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
			end := strings.IndexAny(text, " \t,=")
			if end < 0 {
				end = len(text)
			}
			word := strings.ToLower(text[:end])
			text = strings.TrimLeft(text[end:], " \t")
			if !strings.HasPrefix(text, "=") {
				out = append(out, Scheme{word, map[string]string{}})
				continue
			}
			var value string
			value, text = readValue(strings.TrimLeft(text[1:], " \t"))
			if n := len(out); n > 0 {
				if _, twice := out[n-1].Params[word]; !twice {
					out[n-1].Params[word] = value
				}
			}
		}
	}
	return out
}

// readValue splits text after the value with which it begins: a quoted string, or the text up to a comma. A quoted
// string without a closing quote ends at a comma, too.
func readValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ",")
		return strings.Trim(value, " \t\""), rest
	}
	var out []byte
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return string(out), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			out = append(out, text[i])
		default:
			out = append(out, c)
		}
	}
	value, rest, _ = strings.Cut(text[1:], ",") // without a closing quote the value ends at a comma
	return strings.TrimSpace(value), rest
}
