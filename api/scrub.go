package api

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// absolute is a path from the root of the machine, its directories apart; a
// URL's two slashes do not begin one.
var absolute = regexp.MustCompile(`(^|[\s"'(=,\[:])/(?:[^\s"':,()\]/]+/+)+([^\s"':,()\]/]*)`)

// userinfo is name and password in a URL.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@]*@`)

// scrub makes the text of an error of the machine fit to be shown: paths lose
// their directories, and URLs all but their hosts. What is below the record
// directory stays as the API names it. It is for what libraries and cameras say: the
// values of settings hide what is secret in them by their types.
func (s *Server) scrub(text string) string {
	if text == "" {
		return ""
	}
	if d := s.cfg.RecordDir; len(d) > 1 {
		text = strings.ReplaceAll(text, strings.TrimSuffix(d, "/")+"/", "")
	}
	return s.withoutDirectories(config.Redact(text))
}

// withoutDirectories is for what the program itself says: its examples of URLs stay.
func (s *Server) withoutDirectories(text string) string {
	return absolute.ReplaceAllStringFunc(text, func(found string) string {
		if s.endpoint(found[strings.Index(found, "/"):]) {
			return found
		}
		return absolute.ReplaceAllString(found, "${1}${2}")
	})
}

// endpoint reports whether a path is one of the API's: a remedy may name it.
func (s *Server) endpoint(path string) bool {
	return slices.ContainsFunc(s.table, func(rt route) bool { return rt.path == path })
}
