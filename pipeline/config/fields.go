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

// fieldsOf are the fields in the order of the type.
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

// Unknown says that a name of some kind is not known, and which was likely meant.
func Unknown(kind, name string, known []string) string {
	msg := "unknown " + kind + " " + quote(name)
	if near := Nearest(name, known); near != "" {
		msg += ", did you mean " + quote(near) + "?"
	}
	return msg
}

// Nearest is the known name that one was likely meant to be, or "": it is at
// most a third of its letters away.
func Nearest(name string, known []string) (near string) {
	best := max(1, len(name)/3) + 1
	for _, k := range known {
		if max(len(name), len(k)) >= min(len(name), len(k))+best {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < best {
			best, near = d, k
		}
	}
	return near
}

// distance counts the letters to insert, delete, replace, or swap with the next,
// to make one text of the other (optimal string alignment).
func distance(a, b string) int {
	const longest = 64
	if max(len(a), len(b)) > longest {
		return longest
	}
	var rows [longest + 1][longest + 1]int
	for i := range len(a) + 1 {
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
