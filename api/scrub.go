package api

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// userinfo is name and password in a URL.
	userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@]*@`)
	// absolute is a path from the root of the machine, its directories apart; a
	// URL's two slashes do not begin one.
	absolute = regexp.MustCompile(`(^|[\s"'(=,\[:])/(?:[^\s"':,()\]/]+/+)+([^\s"':,()\]/]*)`)
)

// scrub makes the text of an error of the machine fit to be shown: paths lose
// their directories and URLs their credentials. What is below the record
// directory stays as the API names it.
func (s *Server) scrub(text string) string {
	if text == "" {
		return ""
	}
	if d := s.cfg.RecordDir; len(d) > 1 {
		text = strings.ReplaceAll(text, strings.TrimSuffix(d, "/")+"/", "")
	}
	text = userinfo.ReplaceAllString(text, "${1}")
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
