package config

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Validator is a configuration struct, or a value or map key in one, that checks itself after
// decoding. The hook of an embedded struct is called only if Go promotes it. The error may be a
// Problem made with At, Problems, or several errors joined; the decoder adds the position. Any
// other error whose text begins with the name of a setting, "max_size: ..." or "max_size is ...",
// concerns that setting.
type Validator interface{ Validate() error }

// Checker is a Validator that returns several problems.
type Checker interface{ Check() Problems }

// Defaulter is an element of a map, a list or a pointer with its own defaults. SetDefaults is
// called on a new element before it is decoded.
type Defaulter interface{ SetDefaults() }

// Shorthand is a struct that may be written as one word instead of a map. SetWord sets the struct
// from the word, or returns an error with the valid words.
type Shorthand interface{ SetWord(string) error }

// Worded is the inverse of Shorthand, on the struct and not its pointer: if Word is not empty, the
// struct is shown as that word.
type Worded interface{ Word() string }

// hooks calls the hooks of a decoded value. It ignores a hook's problem with a value that could not
// be decoded: it would concern the default.
func (d *decoder) hooks(n *Node, v reflect.Value, known Problems) {
	if !v.CanAddr() || v.Kind() == reflect.Pointer || v.Type() == nodeType {
		return
	}
	d.told(n, known, ask(v.Addr().Interface()))
}

// told adds the problems found in a decoded value, except the known ones.
func (d *decoder) told(n *Node, known, found Problems) {
	broken := map[string]bool{}
	for _, p := range known {
		broken[p.Path] = true
	}
	if broken[n.Path] {
		return
	}
	for _, p := range found {
		if d.problems.full() { // locating each takes time
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

// problemsOf splits an error into problems.
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

// about returns the problem with the path of the setting that its text names first.
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

// locate returns the position of a hook's path, which is relative to its struct: that of the value
// if it was written, else that of the enclosing value.
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
