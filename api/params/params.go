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
	Doc  string // description in the OpenAPI document
	Kind Kind
	Enum []string // possible values of a parameter of kind Text; nil: any
	Def  string   // value of an absent parameter, as text; empty: none
	Max  int      // largest value of a parameter of kind Integer
}

// Kind is the type of a parameter's value.
type Kind uint8

// The kinds of parameters.
const (
	Text     Kind = iota // text, or one of Param.Enum: see Values.Text and Values.Choice
	Flag                 // true or false: see Values.Flag
	Integer              // whole number from 1 to Param.Max: see Values.Integer
	Duration             // duration: see Values.Duration
	Moment               // point in time: see Values.Time
)

// Values holds the parameters of a query. Its methods parse one parameter each. After a method has
// found an invalid parameter, Err is set, and the results of all methods are to be discarded.
type Values struct {
	url.Values
	known []Param
	Err   error // the first error that a method has found, an *Error
}

// Read returns the parameters in the query of a URL. It refuses a parameter that known does not
// declare, and one that is given twice, with an *Error: if a misspelt duration were ignored, a
// recording would start that never stops.
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

// hint returns the end of the error text for an unknown parameter: a declared parameter of a similar
// name, or a list of all.
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

// Text returns the text of a parameter, "" for an absent one. An empty parameter is invalid.
func (v *Values) Text(name string) string {
	s := v.Get(name)
	if s == "" && v.Has(name) {
		v.refuse(name, fmt.Errorf("it is empty: leave it out or give it a value"))
	}
	return s
}

// Flag returns whether a parameter is true; an absent one is false. It accepts only true and false.
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

// Duration returns the duration in a parameter, 0 for an absent one: see ParseDuration.
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

// Time returns the time in a parameter, the zero time for an absent one: see ParseTime.
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

// Integer returns the number in a declared parameter, from 1 to Param.Max; for an absent parameter it
// returns Param.Def.
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

// Choice returns the text of a declared parameter, which must be one of Param.Enum, or "" for an
// absent parameter.
func (v *Values) Choice(name string) string {
	s := v.Text(name)
	i := slices.IndexFunc(v.known, func(p Param) bool { return p.Name == name })
	if s != "" && !slices.Contains(v.known[i].Enum, s) {
		v.refuse(name, fmt.Errorf("%.40q is none of %s", s, strings.Join(v.known[i].Enum, ", ")))
	}
	return s
}

// Only returns those parameters of v that names lists, as Values of the parameters that known
// declares.
func (v *Values) Only(known []Param, names ...string) Values {
	out := Values{Values: url.Values{}, known: known}
	for _, name := range names {
		if v.Has(name) {
			out.Values[name] = v.Values[name]
		}
	}
	return out
}

// Error is the error of an invalid query. Its text is for the client.
type Error struct{ Text string }

// Error returns e.Text.
func (e *Error) Error() string { return e.Text }

func refusal(format string, a ...any) error { return &Error{fmt.Sprintf(format, a...)} }
