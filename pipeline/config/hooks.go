package config

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Validator is a type of the configuration that checks its value after decoding: a struct, a value in one, or
// the key of a map. If a struct is embedded, its method is called only if Go promotes it. The error may be a
// Problem made by At, Problems, or several errors joined; Decode adds the position. An error of another type
// concerns the setting whose name begins its text, as in "max_size: ..." or "max_size is ...".
type Validator interface{ Validate() error }

// Checker is a type of the configuration that checks its value as a Validator does, and may return several
// problems.
type Checker interface{ Check() Problems }

// Defaulter is the element type of a map, a list or a pointer that has its own defaults. Decode calls
// SetDefaults on a new element before it decodes the element.
type Defaulter interface{ SetDefaults() }

// Shorthand is a struct that a user may write as one word instead of a map. SetWord sets the struct from the
// word, or returns an error that lists the valid words.
type Shorthand interface{ SetWord(string) error }

// Worded is a struct that Encode can write as one word, for which Shorthand.SetWord makes the same struct. The
// method Word must have a value receiver. If it returns "", Encode writes a map.
type Worded interface{ Word() string }

// hooks calls the methods Validate and Check of the value v, which was decoded from n, and adds the problems that
// they return. known are the problems found while decoding v. hooks leaves out problems of the settings in known:
// these could not be decoded, so the methods saw their defaults.
func (d *decoder) hooks(n *Node, v reflect.Value, known Problems) {
	if !v.CanAddr() || v.Kind() == reflect.Pointer || v.Type() == nodeType {
		return
	}
	d.told(n, known, ask(v.Addr().Interface()))
}

// told adds found, the problems that a hook (Validate or Check) returned for the value decoded from n. It leaves out
// problems of the settings that have a problem in known.
func (d *decoder) told(n *Node, known, found Problems) {
	broken := map[string]bool{}
	for _, p := range known {
		broken[p.Path] = true
	}
	if broken[n.Path] {
		return
	}
	for _, p := range found {
		if d.problems.full() { // the position of a problem that is not listed is not needed
			d.problems.add(p)
			continue
		}
		p.Pos, p.Path = locate(n, p)
		if !broken[p.Path] {
			d.problems.add(p)
		}
	}
}

func ask(v any) (ps Problems) {
	if c, ok := v.(Validator); ok {
		for _, p := range problemsOf(c.Validate()) {
			ps = append(ps, p.about(reflect.TypeOf(v).Elem()))
		}
	}
	if c, ok := v.(Checker); ok {
		ps = append(ps, c.Check()...)
	}
	return ps
}

// problemsOf returns the problems in an error: those of each joined error, or one with the error's text.
func problemsOf(err error) (ps Problems) {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			ps = append(ps, problemsOf(e)...)
		}
		return ps
	}
	if errors.As(err, &ps) {
		return ps
	}
	if p := (Problem{}); errors.As(err, &p) {
		return Problems{p}
	}
	return Problems{{Msg: err.Error()}}
}

// about returns the problem of a hook (see Validator) with the path of the setting that it concerns: if the text
// begins with the name of a setting of the struct t, as in "max_size: ..." or "max_size is ...", the path is that
// name. Otherwise, and if the problem has a path or a position, about returns it unchanged.
func (p Problem) about(t reflect.Type) Problem {
	if p.Path != "" || p.Pos != (Pos{}) || t.Kind() != reflect.Struct {
		return p
	}
	first, rest, _ := strings.Cut(p.Msg, " ")
	name, colon := strings.CutSuffix(first, ":")
	if !slices.ContainsFunc(fieldsOf(t), func(f field) bool { return f.name == name }) {
		return p
	}
	p.Path = name
	if colon {
		p.Msg = rest
	}
	return p
}

// locate returns the position and the full path of a hook's problem. p.Path is relative to the hook's node n.
// If the setting at that path was not written, the position is that of the nearest enclosing value that was
// written. A problem that has a position already is located: its position and path are returned unchanged.
func locate(n *Node, p Problem) (Pos, string) {
	if p.Pos != (Pos{}) {
		return p.Pos, p.Path
	}
	if p.Path == "" {
		return n.Pos, n.Path
	}
	at, path := n, n.Path
	for _, key := range SplitPath(p.Path) {
		path = Join(path, key)
		if at == nil {
			continue
		}
		next := at.Get(key)
		if i, err := strconv.Atoi(key); next == nil && err == nil && i >= 0 && i < len(at.List) {
			next = at.List[i]
		}
		if next != nil && next.Pos != (Pos{}) {
			n = next
		}
		at = next
	}
	return n.Pos, path
}
