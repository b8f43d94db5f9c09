// Package scrub removes from the text of an error what a caller of the API must not see: the host's
// directories, and user names, passwords and paths of URLs.
package scrub

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// absolute matches an absolute path, with its directories apart. The two slashes of a URL do not
// begin one.
var absolute = regexp.MustCompile(`(^|[\s"'(=,\[:])/(?:[^\s"':,()\]/]+/+)+([^\s"':,;()\]/]*)`)

// userinfo matches the user name and password of a URL.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@]*@`)

// Scrubber scrubs texts.
type Scrubber struct {
	RecordDir string   // absolute; paths below it are shown relative to it
	Endpoints []string // templates of the API's paths, which a remedy may name
}

// Text scrubs texts of libraries and cameras: paths lose their directories, and URLs everything but
// their hosts. Secret settings hide themselves by their types.
func (s *Scrubber) Text(text string) string {
	if text == "" {
		return ""
	}
	if d := s.RecordDir; len(d) > 1 {
		text = strings.ReplaceAll(text, strings.TrimSuffix(d, "/")+"/", "")
	}
	return s.withoutDirectories(config.Redact(text))
}

// Hint scrubs texts of the program itself: its example URLs stay, without user name and password.
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
