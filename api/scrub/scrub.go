// Package scrub removes from a text what a client of the API must not see: directories of the
// machine, and user names, passwords and paths of URLs.
package scrub

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// absolute matches an absolute path with at least one directory. Its first group is the character
// before the path, its second the base name. The // of a URL does not begin a match.
var absolute = regexp.MustCompile(`(^|[\s"'(=,\[:])/(?:[^\s"':,()\]/]+/+)+([^\s"':,;()\]/]*)`)

// userinfo matches a URL from its scheme to the @ after the user name and password. Its first group is
// the scheme with ://.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@]*@`)

// Scrubber removes directories and parts of URLs from texts. It is safe for concurrent use.
type Scrubber struct {
	RecordDir string   // absolute path of the record directory: a path below it becomes relative to it
	Endpoints []string // paths of the API's routes, such as /mp4/start/{stream_path}, which stay in a text
}

// Text scrubs a text that a library, the system or a camera may have written. It reduces each absolute
// path to its base name, or to the path below RecordDir, and each URL to scheme and host.
func (s *Scrubber) Text(text string) string {
	if text == "" {
		return ""
	}
	if d := s.RecordDir; len(d) > 1 {
		text = strings.ReplaceAll(text, strings.TrimSuffix(d, "/")+"/", "")
	}
	return s.withoutDirectories(config.Redact(text))
}

// Hint scrubs a text that this program has written. It reduces each absolute path to its base name,
// and removes from URLs only the user name and password, so that example URLs stay.
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
