// Package scrub makes the text of an error fit to be shown to a caller of the API: it hides
// the host's directories, and what others put into URLs.
package scrub

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// absolute is a path from the root of the machine, its directories apart; a
// URL's two slashes do not begin one.
var absolute = regexp.MustCompile(`(^|[\s"'(=,\[:])/(?:[^\s"':,()\]/]+/+)+([^\s"':,;()\]/]*)`)

// userinfo is name and password in a URL.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@]*@`)

// Scrubber scrubs texts.
type Scrubber struct {
	RecordDir string   // absolute; what is below it is shown by its path from there
	Endpoints []string // templates of the API's paths, which a remedy may name
}

// Text scrubs what libraries and cameras say: paths lose their directories, and URLs all
// but their hosts. The values of settings hide what is secret in them by their types.
func (s *Scrubber) Text(text string) string {
	if text == "" {
		return ""
	}
	if d := s.RecordDir; len(d) > 1 {
		text = strings.ReplaceAll(text, strings.TrimSuffix(d, "/")+"/", "")
	}
	return s.withoutDirectories(config.Redact(text))
}

// Hint scrubs what the program itself says: its examples of URLs stay, without name and
// password.
func (s *Scrubber) Hint(text string) string {
	return s.withoutDirectories(userinfo.ReplaceAllString(text, "${1}"))
}

func (s *Scrubber) withoutDirectories(text string) string {
	return absolute.ReplaceAllStringFunc(text, func(found string) string {
		if slices.Contains(s.Endpoints, found[strings.Index(found, "/"):]) {
			return found
		}
		return absolute.ReplaceAllString(found, "${1}${2}")
	})
}
