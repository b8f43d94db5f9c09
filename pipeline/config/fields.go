package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one configurable field of a struct, or of a struct embedded in it.
type field struct {
	name  string
	index []int
	tag   reflect.StructTag
}

// fieldsOf returns the fields in the order of the type.
func fieldsOf(t reflect.Type) (fields []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		embedded := f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct || option == "inline"
		switch {
		case name == "-" || !f.IsExported() && !embedded:
		case embedded:
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
		default:
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			fields = append(fields, field{name, []int{i}, f.Tag})
		}
	}
	return fields
}

func (d *decoder) structure(n *Node, v reflect.Value) {
	var refused error
	if word, is := n.Scalar.(string); is && v.CanAddr() {
		if s, short := v.Addr().Interface().(Shorthand); short {
			refused = s.SetWord(word)
			if refused == nil {
				return
			}
		}
	}
	if n = d.flow(n); !n.IsMap && refused != nil {
		d.add(n, Problem{Msg: refused.Error()})
		return
	}
	if !n.IsMap {
		d.wrong(n, "a map of settings", "")
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range n.Entries {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == e.Key })
		if at < 0 {
			d.unknown(e, fields)
			continue
		}
		d.value(e.Value, v.FieldByIndex(fields[at].index), fields[at].tag)
	}
}

func (d *decoder) unknown(e Entry, fields []field) {
	if d.problems.full() { // what is not told needs no proposal
		d.problems.add(Problem{})
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	p := Problem{Pos: e.Pos, Path: e.Value.Path, Msg: Unknown("key", e.Key, names), Hint: "there are no settings here"}
	if len(names) > 0 {
		p.Hint = "known here: " + strings.Join(names, ", ")
	}
	d.problems.add(p)
}
