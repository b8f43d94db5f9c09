package spec

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
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

// Decode writes a configuration over the defaults that into, a pointer to a
// struct, already holds, and returns all that is wrong. What is wrong keeps its
// default. Maps are added to, lists are replaced, a missing or null value
// changes nothing.
//
// Fields are named by `yaml:"name"`; those of an embedded struct are fields of
// the struct around it; "-" leaves a field out. Further tags: `doc:"..."` is for
// Encode, `oneof:"a b c"` names the only values of a text, `spec:"signed"`
// allows a negative Duration.
//
// Supported are structs, maps with text keys, slices, pointers, bool, numbers,
// text, Duration, Size, Node and *Node (as written), any, and what has
// UnmarshalText. A number where text is wanted is refused; but where a value
// has no line, it came from an environment variable or a flag, and is text that
// is read as whatever is wanted.
func (n *Node) Decode(into any) Problems {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("spec: Decode into %T: a pointer is wanted", into))
	}
	d := decoder{}
	if n == nil {
		n = &Node{}
	}
	d.value(n, v.Elem(), "")
	return d.problems.Sorted()
}

type decoder struct{ problems Problems }

func (d *decoder) add(n *Node, p Problem) {
	p.Pos, p.Path = n.Pos, n.Path
	d.problems = append(d.problems, p)
}

var (
	nodeType         = reflect.TypeFor[Node]()
	durationType     = reflect.TypeFor[Duration]()
	timeDurationType = reflect.TypeFor[time.Duration]()
	sizeType         = reflect.TypeFor[Size]()
	textType         = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value decodes one value of any type, then asks the value's own hooks.
func (d *decoder) value(n *Node, v reflect.Value, tag reflect.StructTag) {
	before := len(d.problems)
	d.kind(n, v, tag)
	d.hooks(n, v, d.problems[before:])
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
	case t == durationType || t == timeDurationType:
		d.duration(n, v, tag)
	case t == sizeType:
		d.size(n, v)
	case reflect.PointerTo(t).Implements(textType):
		d.text(n, v)
	default:
		d.plain(n, v, tag)
	}
}

// plain decodes the types that the language has.
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
		panic(fmt.Sprintf("spec: %s: a %s cannot be configured", n.Path, v.Type()))
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
		d.wrong(n, "a map", "{key: value}")
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
		d.wrong(n, "a list", "[a, b]")
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

// fresh is a new settable value with its own defaults.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if def, ok := v.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return v.Elem()
}

// hooks asks a decoded value whether it is right. What a hook says about a value
// that could not be decoded is left out: it would be about the default.
func (d *decoder) hooks(n *Node, v reflect.Value, known Problems) {
	if !v.CanAddr() || v.Kind() == reflect.Pointer || v.Type() == nodeType {
		return
	}
	broken := map[string]bool{}
	for _, p := range known {
		broken[p.Path] = true
	}
	if broken[n.Path] {
		return
	}
	for _, p := range ask(v.Addr().Interface()) {
		p.Pos, p.Path = locate(n, p)
		if !broken[p.Path] {
			d.problems = append(d.problems, p)
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
