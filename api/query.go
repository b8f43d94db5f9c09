package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// param is one query parameter of a route.
type param struct {
	name string
	doc  string
	kind kind
	enum []string
	def  string
	max  int // of an integer
}

// kind is how a parameter is read and described.
type kind uint8

const (
	text kind = iota
	flag
	integer
	duration
	moment
)

// values reads the parameters of a query; the first error stays.
type values struct {
	url.Values
	known []param
	err   error
}

// readQuery refuses parameters that a route does not know: a misspelt one that
// is silently ignored starts a recording that never stops.
func readQuery(u *url.URL, known []param) (values, error) {
	if u.RawQuery == "" {
		return values{known: known}, nil
	}
	parsed, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return values{}, BadRequest("the query cannot be read: %v", err)
	}
	for name, list := range parsed {
		if !slices.ContainsFunc(known, func(p param) bool { return p.name == name }) {
			return values{}, BadRequest("unknown parameter %.40q%s", name, hint(name, known))
		}
		if len(list) > 1 {
			return values{}, BadRequest("parameter %q is given %d times", name, len(list))
		}
	}
	return values{Values: parsed, known: known}, nil
}

// hint names what may have been meant, and all that would be taken.
func hint(name string, known []param) string {
	if len(known) == 0 {
		return ": none are taken here"
	}
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.name
	}
	if near := config.Nearest(name, names); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ": known are " + strings.Join(names, ", ")
}

func (v *values) refuse(name string, err error) {
	if v.err == nil {
		v.err = BadRequest("parameter %s: %v", name, err)
	}
}

// text is a parameter as it was written; one that is given must not be empty.
func (v *values) text(name string) string {
	s := v.Get(name)
	if s == "" && v.Has(name) {
		v.refuse(name, fmt.Errorf("it is empty: leave it out or give it a value"))
	}
	return s
}

func (v *values) flag(name string) bool {
	s := v.text(name)
	if s == "" {
		return false
	}
	b, err := parseBool(s)
	if err != nil {
		v.refuse(name, err)
	}
	return b
}

func (v *values) duration(name string) time.Duration {
	s := v.text(name)
	if s == "" {
		return 0
	}
	d, err := parseDuration(s)
	if err != nil {
		v.refuse(name, err)
	}
	return d
}

func (v *values) time(name string) time.Time {
	s := v.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := parseTime(s)
	if err != nil {
		v.refuse(name, err)
	}
	return t
}

// integer is a number from 1 to the parameter's maximum, or its default.
func (v *values) integer(name string) int {
	i := slices.IndexFunc(v.known, func(p param) bool { return p.name == name })
	p := v.known[i]
	s := v.text(name)
	if s == "" {
		s = p.def
	}
	n, err := strconv.Atoi(s)
	if err != nil || !digits(s) || n < 1 || n > p.max {
		v.refuse(name, fmt.Errorf("%.40q is not a number from 1 to %d", s, p.max))
	}
	return n
}

// choice is one of the parameter's values, or empty.
func (v *values) choice(name string) string {
	s := v.text(name)
	i := slices.IndexFunc(v.known, func(p param) bool { return p.name == name })
	if s != "" && !slices.Contains(v.known[i].enum, s) {
		v.refuse(name, fmt.Errorf("%.40q is none of %s", s, strings.Join(v.known[i].enum, ", ")))
	}
	return s
}
