package config

import (
	"regexp"
	"strings"
)

// named matches the key words of a data source name or a query that a secret follows, with the
// secret.
var named = regexp.MustCompile(`(?i)\b(password|passwd|pass|pwd|secret|token|api_?key|key|code|access_token|auth|signature|sig)=('[^']*'|[^\s&;]*)`)

// Redact removes apparent secrets from a foreign text, such as the error of a library: of each URL
// it leaves scheme and host. It is a last resort for text without a type: a value of the
// configuration is a Hidden, which does not show itself.
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

// urlEnd returns the end of a URL in a text: the quote that encloses it, else a space or another
// enclosing character.
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

// hostShown returns the host from the part of a URL after the slashes.
func hostShown(rest string) string {
	whole := strings.TrimRight(rest, ".,:;)") // the sentence goes on
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
		return cutText // a password may hold a slash
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

// plainHost reports whether a text consists of hosts with ports: an apparent port may be a piece of
// a password.
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
