package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one setting: a field of a struct or of an embedded struct, or the settings of a Block.
type field struct {
	name string
	// index is the argument of reflect.Value.FieldByIndex for the field of the struct.
	index []int
	tag   reflect.StructTag
	// block is the description of a part's settings, which the Blocks at index hold; nil for any other setting.
	block *Block
}

// in returns the value of the field f in the struct v. For the settings of a Block, see Block.settings.
func (f *field) in(v reflect.Value) reflect.Value {
	v = v.FieldByIndex(f.index)
	if f.block != nil {
		return f.block.settings(f.name, v)
	}
	return v
}

// typeIn returns the type of the field f in the struct type t. For the settings of a Block, it returns the type of
// Block.Defaults.
func (f *field) typeIn(t reflect.Type) reflect.Type {
	if f.block != nil {
		return reflect.TypeOf(f.block.Defaults)
	}
	return t.FieldByIndex(f.index).Type
}

var blocksType = reflect.TypeFor[Blocks]()

// fieldsOf returns the settings of a struct type in the order of its fields.
func fieldsOf(t reflect.Type) (fields []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		embedded := f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct || option == "inline"
		switch {
		case f.Type == blocksType:
			for _, b := range fieldsOfBlocks(f.Tag.Get("blocks"), []int{i}) {
				if slices.ContainsFunc(fields, func(f field) bool { return f.name == b.name }) {
					panic(fmt.Sprintf("config: %s is another setting: nothing can register itself under this name", b.name))
				}
				fields = append(fields, b)
			}
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
			fields = append(fields, field{name, []int{i}, f.Tag, nil})
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
		d.wrongFor(n, v.Type(), "a map of settings", "")
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range n.Entries {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == e.Key })
		if at < 0 {
			d.unknown(e, fields)
			continue
		}
		d.field(e.Value, v, &fields[at])
	}
}

// field decodes n into the setting f of the struct of. If f is the settings of a Block, it then calls Block.Check.
func (d *decoder) field(n *Node, of reflect.Value, f *field) {
	before := len(d.problems.list)
	v := f.in(of)
	d.value(n, v, f.tag)
	if f.block != nil && f.block.Check != nil {
		d.told(n, d.problems.list[before:], f.block.Check(v.Addr().Interface()))
	}
}

func (d *decoder) unknown(e Entry, fields []field) {
	if d.problems.full() { // a problem beyond maxProblems is only counted
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
