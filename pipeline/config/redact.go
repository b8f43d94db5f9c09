package config

import (
	"regexp"
	"strings"
)

// named matches an assignment of a secret in a data source name or in a query of a URL, such as password=abc, up to
// the end of the secret.
var named = regexp.MustCompile(`(?i)\b(password|passphrase|passwd|pass|pwd|streamid|secret|token|api_?key|key|code|access_token|auth|signature|sig)=('[^']*'|[^\s&;]*)`)

// Redact removes texts that look like secrets from the text of other software, such as the error of a library.
// It keeps only the scheme and the host of each URL. It is for texts whose parts are unknown. A secret of the
// configuration needs no Redact: it is a Hidden, which prints only Hidden.String.
func Redact(s string) string {
	var out strings.Builder
	for {
		at := strings.Index(s, "://")
		if at < 0 {
			out.WriteString(s)
			return named.ReplaceAllString(out.String(), "$1="+hiddenText)
		}
		begin := at
		for begin > 0 && plainText(s[begin-1:begin], "+.-") {
			begin--
		}
		end := urlEnd(s, begin, at+len("://"))
		out.WriteString(s[:at+len("://")])
		out.WriteString(hostShown(s[at+len("://") : end]))
		s = s[end:]
	}
}

// urlEnd returns the end of the URL that begins in s at begin; at is the index after its "://". A URL ends at
// the quote that encloses it, or else at a space or another enclosing character.
func urlEnd(s string, begin, at int) int {
	stop := " \t\n\r\"'`<>"
	if begin > 0 && strings.ContainsRune("\"'`", rune(s[begin-1])) {
		stop = s[begin-1 : begin]
	}
	if end := strings.IndexAny(s[at:], stop); end >= 0 {
		return at + end
	}
	return len(s)
}

// hostShown returns the host of a URL, with a placeholder for the path, query and fragment. rest is the part of the
// text after the URL's "://". Punctuation at the end of rest belongs to the sentence that contains the URL, and
// hostShown keeps it.
func hostShown(rest string) string {
	whole := strings.TrimRight(rest, ".,:;)") // punctuation of the sentence around the URL
	tail := rest[len(whole):]
	return urlHost(whole) + tail
}

func urlHost(rest string) string {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, more := rest[:end], rest[end:]
	if strings.Contains(more, "@") {
		return cutText // a password may contain a slash
	}
	user := strings.LastIndex(host, "@")
	host = host[user+1:]
	if !plainHost(host) {
		return cutText
	}
	if more != "" && more != "/" {
		return host + "/" + cutText
	}
	return host + more
}

// plainHost reports whether a text is a comma-separated list of hosts with optional ports. It accepts only
// digits as a port, because another text may be part of a password.
func plainHost(text string) bool {
	for host := range strings.SplitSeq(text, ",") {
		if at := strings.LastIndex(host, ":"); at >= 0 && !strings.HasSuffix(host, "]") {
			if strings.ContainsFunc(host[at+1:], func(r rune) bool { return r < '0' || r > '9' }) {
				return false
			}
			host = host[:at]
		}
		if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
			host = strings.ReplaceAll(host[1:len(host)-1], ":", "")
		}
		if !plainText(host, ".-_") {
			return false
		}
	}
	return true
}
