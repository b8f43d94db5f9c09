package config

import (
	"regexp"
	"strings"
)

// Secrets as they stand in URLs, in the DSNs of MySQL (user:password@tcp(host)/db)
// and PostgreSQL (password=...), and in query strings.
var (
	inURL = regexp.MustCompile(`([A-Za-z][\w+.-]*://[^\s/:@?#]*):\S*@`)
	inDSN = regexp.MustCompile(`^([^\s/:@?#]+):\S*@`)
	named = regexp.MustCompile(`(?i)\b(password|passwd|pass|pwd|secret|token|key|auth|signature|sig)=('[^']*'|[^\s&;]*)`)
)

// Redact replaces the secrets of a URL or DSN; other text is left as it is. What
// is shown of a configuration, in messages too, goes through it.
func Redact(s string) string {
	if strings.Contains(s, "://") {
		s = inURL.ReplaceAllString(s, "$1:xxxxx@")
	} else {
		s = inDSN.ReplaceAllString(s, "$1:xxxxx@")
	}
	return named.ReplaceAllString(s, "$1=xxxxx")
}
