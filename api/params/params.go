package params

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Param declares a query parameter of a route.
type Param struct {
	Name string
	Doc  string
	Kind Kind
	Enum []string // values of a text
	Def  string   // default
	Max  int      // maximum of an integer
}

// Kind determines how a parameter is parsed and described.
type Kind uint8

// The kinds of parameters.

const (
	Text Kind = iota
	Flag
	Integer
	Duration
	Moment
)

// Values reads the parameters of a query. The first error is kept.
type Values struct {
	url.Values
	known []Param
	Err   error // an *Error
}

// Read refuses unknown parameters: ignoring a misspelt one could start a recording that never
// stops.
func Read(u *url.URL, known []Param) (Values, error) {
	if u.RawQuery == "" {
		return Values{known: known}, nil
	}
	parsed, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Values{}, refusal("the query cannot be read: %v", err)
	}
	for name, list := range parsed {
		if !slices.ContainsFunc(known, func(p Param) bool { return p.Name == name }) {
			return Values{}, refusal("unknown parameter %.40q%s", name, hint(name, known))
		}
		if len(list) > 1 {
			return Values{}, refusal("parameter %q is given %d times", name, len(list))
		}
	}
	return Values{Values: parsed, known: known}, nil
}

// hint suggests a parameter of a similar name, or lists all.
func hint(name string, known []Param) string {
	if len(known) == 0 {
		return ": none are taken here"
	}
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.Name
	}
	if near := config.Nearest(name, names); near != "" {
		return ", " + config.DidYouMean(strconv.Quote(near))
	}
	return ": known are " + strings.Join(names, ", ")
}

func (v *Values) refuse(name string, err error) {
	if v.Err == nil {
		v.Err = refusal("parameter %s: %v", name, err)
	}
}

// Text returns a parameter as it was written. A given parameter must not be empty.
func (v *Values) Text(name string) string {
	s := v.Get(name)
	if s == "" && v.Has(name) {
		v.refuse(name, fmt.Errorf("it is empty: leave it out or give it a value"))
	}
	return s
}

func (v *Values) Flag(name string) bool {
	s := v.Text(name)
	if s == "" {
		return false
	}
	b, err := parseBool(s)
	if err != nil {
		v.refuse(name, err)
	}
	return b
}

func (v *Values) Duration(name string) time.Duration {
	s := v.Text(name)
	if s == "" {
		return 0
	}
	d, err := ParseDuration(s)
	if err != nil {
		v.refuse(name, err)
	}
	return d
}

func (v *Values) Time(name string) time.Time {
	s := v.Text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := ParseTime(s)
	if err != nil {
		v.refuse(name, err)
	}
	return t
}

// Integer returns a number from 1 to the parameter's maximum, or its default.
func (v *Values) Integer(name string) int {
	i := slices.IndexFunc(v.known, func(p Param) bool { return p.Name == name })
	p := v.known[i]
	s := v.Text(name)
	if s == "" {
		s = p.Def
	}
	n, err := strconv.Atoi(s)
	if err != nil || !digits(s) || n < 1 || n > p.Max {
		v.refuse(name, fmt.Errorf("%.40q is not a number from 1 to %d", s, p.Max))
	}
	return n
}

// Choice returns one of the parameter's values, or "".
func (v *Values) Choice(name string) string {
	s := v.Text(name)
	i := slices.IndexFunc(v.known, func(p Param) bool { return p.Name == name })
	if s != "" && !slices.Contains(v.known[i].Enum, s) {
		v.refuse(name, fmt.Errorf("%.40q is none of %s", s, strings.Join(v.known[i].Enum, ", ")))
	}
	return s
}

// Only returns a subset of the parameters, as another route declares them.
func (v *Values) Only(known []Param, names ...string) Values {
	out := Values{Values: url.Values{}, known: known}
	for _, name := range names {
		if v.Has(name) {
			out.Values[name] = v.Values[name]
		}
	}
	return out
}

// Error reports an invalid query. Its text is for the client.
type Error struct{ Text string }

// Error returns the text.
func (e *Error) Error() string { return e.Text }

func refusal(format string, a ...any) error { return &Error{fmt.Sprintf(format, a...)} }
