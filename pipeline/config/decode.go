package config

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// Decode decodes a configuration into the struct to which into points, and returns the problems, see
// maxProblems. The struct holds the defaults. A number, bool, duration or size that cannot be decoded keeps its
// default; a value that a hook refuses, such as Validate, stays in the struct. The entries of a written map are
// added to the default map; a written list replaces the default list. A missing or null value changes nothing.
//
// The tag `yaml:"name"` names a field; "-" leaves a field out. The fields of an embedded struct are fields of
// the enclosing struct. Further tags: `oneof:"a b c"` lists the only values of a text; `config:"signed"` allows
// a negative Duration; `doc:"..."` is for Encode, `pattern:"..."` for Schema, `inherit:"..."` for Inherits, and
// any tag for Marks, Texts and Numbers.
//
// Decode supports structs, maps with text keys, slices, pointers, bool, numbers, text, Duration, Size, Hidden,
// HiddenList, URLs, Node and *Node (for the tree as written), any, and types with UnmarshalText. No problem quotes
// the value of a hidden setting. Decode refuses a number in place of a text. A value without a line comes from
// an environment variable or a flag: it is a text, and Decode parses it as the type of its setting.
func (n *Node) Decode(into any) Problems {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("config: Decode into %T: a pointer is wanted", into))
	}
	d := decoder{}
	if n == nil {
		n = &Node{}
	}
	d.value(n, v.Elem(), "")
	return d.problems.sorted()
}

type decoder struct{ problems collector }

func (d *decoder) add(n *Node, p Problem) {
	p.Pos, p.Path = n.Pos, n.Path
	d.problems.add(p)
}

var (
	nodeType         = reflect.TypeFor[Node]()
	durationType     = reflect.TypeFor[Duration]()
	timeDurationType = reflect.TypeFor[time.Duration]()
	sizeType         = reflect.TypeFor[Size]()
	textType         = reflect.TypeFor[encoding.TextUnmarshaler]()
	hideTakerType    = reflect.TypeFor[hideTaker]()
	urlsType         = reflect.TypeFor[URLs]()
)

// value decodes n into v, and then calls the hooks of v's type: Validate and Check.
func (d *decoder) value(n *Node, v reflect.Value, tag reflect.StructTag) {
	before := len(d.problems.list)
	d.kind(n, v, tag)
	d.hooks(n, v, d.problems.list[before:])
}

func (d *decoder) kind(n *Node, v reflect.Value, tag reflect.StructTag) {
	t := v.Type()
	switch {
	case t == nodeType:
		v.Set(reflect.ValueOf(*n))
	case t.Kind() == reflect.Pointer && t.Elem() == nodeType:
		v.Set(reflect.ValueOf(n))
	case t.Kind() == reflect.Pointer:
		d.pointer(n, v, tag)
	case n.Empty():
		// No value is written: the default stays.
	case t.Kind() != reflect.Interface && !listHider(t) && d.refusesVariable(n):
	case t == durationType || t == timeDurationType:
		d.duration(n, v, tag)
	case t == sizeType:
		d.size(n, v)
	case reflect.PointerTo(t).Implements(hideTakerType):
		d.hidden(n, v)
	case reflect.PointerTo(t).Implements(textType):
		d.text(n, v)
	default:
		d.plain(n, v, tag)
	}
}

// plain decodes n into v by the kind of v's type: struct, map, list, bool, number or text. The method kind has
// handled the types that are written in a form of their own, such as Duration.
func (d *decoder) plain(n *Node, v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v, tag)
	case reflect.Slice:
		d.list(n, v, tag)
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.Any()))
	case reflect.Bool:
		d.boolean(n, v)
	case reflect.String:
		d.str(n, v, tag)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.integer(n, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.unsigned(n, v)
	case reflect.Float32, reflect.Float64:
		d.float(n, v)
	default:
		panic(fmt.Sprintf("config: %s: a %s cannot be configured", n.Path, v.Type()))
	}
}

func (d *decoder) pointer(n *Node, v reflect.Value, tag reflect.StructTag) {
	if n.Empty() {
		return
	}
	if v.IsNil() {
		v.Set(fresh(v.Type().Elem()).Addr())
	}
	d.value(n, v.Elem(), tag)
}

func (d *decoder) mapping(n *Node, v reflect.Value, tag reflect.StructTag) {
	if n = d.flow(n); !n.IsMap {
		d.wrongFor(n, v.Type(), "a map", "{key: value}")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, e := range n.Entries {
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString(e.Key)
		d.hooks(&Node{Pos: e.Pos, Path: e.Value.Path}, key, nil)
		item := fresh(v.Type().Elem())
		if old := v.MapIndex(key); old.IsValid() {
			item.Set(old)
		}
		d.value(e.Value, item, tag)
		v.SetMapIndex(key, item)
	}
}

func (d *decoder) list(n *Node, v reflect.Value, tag reflect.StructTag) {
	if n = d.flow(n); !n.IsList {
		d.wrongFor(n, v.Type(), "a list", "[a, b]")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.List))
	for _, item := range n.List {
		element := fresh(v.Type().Elem())
		if item.Empty() && element.Kind() != reflect.Pointer && element.Type() != nodeType {
			d.wrong(item, "a value", "")
		}
		d.value(item, element, tag)
		out = reflect.Append(out, element)
	}
	v.Set(out)
}

// fresh returns a new settable value of the type t. If t is a Defaulter, the value has the defaults that SetDefaults
// sets, else it is the zero value.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if def, ok := v.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return v.Elem()
}
