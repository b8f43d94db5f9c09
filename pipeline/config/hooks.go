package config

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Validator is a configuration struct, or a value or a map's key in one, that
// checks itself once it is decoded. An embedded struct's is called only as far as
// Go promotes it. The error may be a Problem made with At, Problems, or
// several errors joined; its position is filled in. Any other error whose text
// begins with the name of a setting, "max_size: ..." or "max_size is ...", is
// about that setting.
type Validator interface{ Validate() error }

// Checker is a Validator that finds several problems.
type Checker interface{ Check() Problems }

// Defaulter is an element of a map, a list or a pointer that has defaults of its
// own. SetDefaults is called on a new element before it is decoded.
type Defaulter interface{ SetDefaults() }

// Shorthand is a struct that may be written as one word in place of a map. SetWord
// takes the word or says what is wanted in its place.
type Shorthand interface{ SetWord(string) error }

// Worded is the other half of Shorthand, on the struct itself and not its pointer:
// where Word is not empty the struct is shown as that word.
type Worded interface{ Word() string }

// hooks asks a decoded value whether it is right. What a hook says about a value
// that could not be decoded is left out: it would be about the default.
func (d *decoder) hooks(n *Node, v reflect.Value, known Problems) {
	if !v.CanAddr() || v.Kind() == reflect.Pointer || v.Type() == nodeType {
		return
	}
	d.told(n, known, ask(v.Addr().Interface()))
}

// told adds what was found in a decoded value, but for what is known already.
func (d *decoder) told(n *Node, known, found Problems) {
	broken := map[string]bool{}
	for _, p := range known {
		broken[p.Path] = true
	}
	if broken[n.Path] {
		return
	}
	for _, p := range found {
		if d.problems.full() { // to find the place of each takes time
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

// problemsOf takes an error apart into problems.
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

// about finds the setting that a problem without a path names first.
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

// locate turns a hook's path, relative to its struct, into a place in the file:
// the value's own if it was written, else that of what is around it.
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
