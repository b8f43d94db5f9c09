package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Encode returns a configuration as YAML. Decode reads the same value back, except for hidden texts, which are
// replaced as Describe does.
func Encode(v any, style Style) []byte {
	n, docs := Describe(v)
	if style.Doc == nil && style.Docs {
		style.Doc = func(path string) string { return docs[path] }
	}
	return n.YAML(style)
}

// Describe returns the tree from which Decode would make the value v, and the doc tags of v's fields by path. The
// tree has Hidden.String and HiddenList.Shown in place of hidden texts. Describe leaves out nil pointers, and
// zero fields with the tag `yaml:"name,omitempty"`.
func Describe(v any) (n *Node, docs map[string]string) {
	d := describer{docs: map[string]string{}}
	return d.node(reflect.ValueOf(v), ""), d.docs
}

// Reveal returns the tree of Describe, but with the hidden texts themselves. It is for comparisons: the caller
// must not show or log the tree.
func Reveal(v any) *Node {
	d := describer{docs: map[string]string{}, sight: sightAll}
	return d.node(reflect.ValueOf(v), "")
}

type describer struct {
	docs  map[string]string
	sight sight
}

func (d describer) node(v reflect.Value, path string) *Node {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		if raw, ok := v.Interface().(*Node); ok {
			return raw.copyTo(path)
		}
		v = v.Elem()
	}
	n := &Node{Path: path}
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return n
	}
	if raw, ok := v.Interface().(Node); ok {
		return raw.copyTo(path)
	}
	if h, ok := v.Interface().(hider); ok {
		return h.tree(d.sight).copyTo(path)
	}
	if size, ok := v.Interface().(Size); ok && (size == 0 || size%1024 != 0) {
		n.Scalar = int64(size)
		return n
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		n.Scalar = textOf(m)
		return n
	}
	if s, ok := v.Interface().(Worded); ok && s.Word() != "" {
		n.Scalar = s.Word()
		return n
	}
	d.composite(n, v)
	return n
}

func textOf(m encoding.TextMarshaler) string {
	text, err := m.MarshalText()
	if err != nil {
		panic(fmt.Sprintf("config: a %T in a configuration has no text: %v", m, err))
	}
	return string(text)
}

func (d describer) composite(n *Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		n.IsMap = true
		for _, f := range fieldsOf(v.Type()) {
			d.field(n, f, v)
		}
	case reflect.Map:
		n.IsMap = true
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			key := k.String()
			n.Entries = append(n.Entries, Entry{Key: key, Value: d.node(v.MapIndex(k), Join(n.Path, key))})
		}
	case reflect.Slice, reflect.Array:
		n.IsList = true
		for i := range v.Len() {
			n.List = append(n.List, d.node(v.Index(i), Join(n.Path, strconv.Itoa(i))))
		}
	default:
		n.Scalar = scalarOf(v.Interface())
	}
}

func (d describer) field(n *Node, f field, v reflect.Value) {
	value := f.in(v)
	_, option, _ := strings.Cut(f.tag.Get("yaml"), ",")
	if value.Kind() == reflect.Pointer && value.IsNil() || option == "omitempty" && value.IsZero() {
		return
	}
	path := Join(n.Path, f.name)
	d.docs[path] = f.tag.Get("doc")
	if choice := strings.Fields(f.tag.Get("oneof")); len(choice) > 0 {
		d.docs[path] = strings.TrimSpace(d.docs[path] + " (one of " + strings.Join(choice, ", ") + ")")
	}
	n.Entries = append(n.Entries, Entry{Key: f.name, Value: d.node(value, path)})
}

// copyTo returns a deep copy of n and the nodes below it. The copy of n has the path given, and the copies below it
// have paths that begin with this path.
func (n *Node) copyTo(path string) *Node {
	c := *n
	c.Path = path
	c.Entries = slices.Clone(n.Entries)
	for i := range c.Entries {
		c.Entries[i].Value = c.Entries[i].Value.copyTo(Join(path, c.Entries[i].Key))
	}
	c.List = slices.Clone(n.List)
	for i := range c.List {
		c.List[i] = c.List[i].copyTo(Join(path, strconv.Itoa(i)))
	}
	return &c
}
