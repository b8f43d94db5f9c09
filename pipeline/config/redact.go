package config

import (
	"regexp"
	"strings"
)

// named are the words of a data source name or a query that a secret follows.
var named = regexp.MustCompile(`(?i)\b(password|passwd|pass|pwd|secret|token|api_?key|key|code|access_token|auth|signature|sig)=('[^']*'|[^\s&;]*)`)

// Redact cuts what looks like a secret out of a text that others wrote, such as the error
// of a library: of each URL it leaves scheme and host. It is a last net, for what has no
// type: a value of the configuration is a Hidden, and is not shown by itself.
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

// urlEnd returns where a URL in a text ends: at the quote that it began behind, else at a
// space or whatever encloses it.
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

// hostShown returns the host of what follows the slashes of a URL.
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

// plainHost reports whether a text is hosts with their ports: what looks like a port may
// be a piece of a password.
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
