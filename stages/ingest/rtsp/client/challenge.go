package client

import "strings"

// readChallenges reads WWW-Authenticate headers, each with one challenge or more:
//
//	Digest realm="a, b", nonce="..", stale=FALSE, Basic realm="c"
//
// Quotes may be missing, at either end, and blanks may stand anywhere.
func readChallenges(headers []string) (out []challenge) {
	for _, text := range headers {
		for text = strings.TrimLeft(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
			end := strings.IndexAny(text, " \t,=")
			if end < 0 {
				end = len(text)
			}
			word := strings.ToLower(text[:end])
			text = strings.TrimLeft(text[end:], " \t")
			if !strings.HasPrefix(text, "=") {
				out = append(out, challenge{scheme: word, params: map[string]string{}})
				continue
			}
			var value string
			value, text = readValue(strings.TrimLeft(text[1:], " \t"))
			if n := len(out); n > 0 {
				if _, twice := out[n-1].params[word]; !twice {
					out[n-1].params[word] = value
				}
			}
		}
	}
	return out
}

// readValue reads a quoted string or what comes up to a comma.
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
