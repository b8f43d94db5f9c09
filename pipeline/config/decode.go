package config

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// Decode writes a configuration over the defaults that into, a pointer to a
// struct, already holds, and returns all that is wrong. What is wrong keeps its
// default. Maps are added to, lists are replaced, a missing or null value
// changes nothing.
//
// Fields are named by `yaml:"name"`; those of an embedded struct are fields of
// the struct around it; "-" leaves a field out. Further tags: `doc:"..."` is for
// Encode, `oneof:"a b c"` names the only values of a text, `pattern:"..."` is for
// Schema, `config:"signed"`
// allows a negative Duration, `inherit:"..."` is for Inherits,
// any for Marks, Texts and Numbers.
//
// Supported are structs, maps with text keys, slices, pointers, bool, numbers,
// text, Duration, Size, Hidden, HiddenList, Node and *Node (as written), any, and what
// has UnmarshalText. What stands where something hidden is wanted is quoted by no problem. A number where text is wanted is refused; but where a value
// has no line, it came from an environment variable or a flag, and is text that
// is read as whatever is wanted.
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
)

// value decodes a value of any type, then calls the value's hooks.
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
		// Nothing was written: the default stays.
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

// plain decodes the types of the language.
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

// fresh returns a new settable value with its own defaults.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if def, ok := v.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return v.Elem()
}
