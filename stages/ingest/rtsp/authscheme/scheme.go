// Package authscheme reads the headers in which servers ask for credentials and clients send them (RFC 9110, 11.3 and
// 11.4), in the spellings of cameras and encoders. It is lenient, and its time is proportional to the length of a
// header.
package authscheme

import "strings"

// Scheme is one challenge of a WWW-Authenticate header, or the credentials of an Authorization header with
// parameters. Name and keys are in lower case.
type Scheme struct {
	Name   string
	Params map[string]string
}

// Read reads headers, each with one scheme or more:
//
//	Digest realm="a, b", nonce="..", stale=FALSE, Basic realm="c"
//
// Quotes may be missing at either end, and blanks may stand anywhere. The first of two equal parameters counts.
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

// readValue reads a quoted string, or text up to a comma.
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
	value, rest, _ = strings.Cut(text[1:], ",") // the other quote is missing
	return strings.TrimSpace(value), rest
}
