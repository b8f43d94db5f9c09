package config

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
)

// Mark is a setting that has a certain struct tag, and the text of the tag.
type Mark struct {
	// Path is the path of the setting. * stands for each item of a list and each key of a map, as in
	// branches/*/stages.
	Path string
	Text string // text of the tag
}

// Marks returns the settings of a struct that have a tag, in the order of its fields. It includes the settings
// of the structs inside the struct, and of those in its lists and maps.
func Marks(v any, tag string) []Mark {
	m := marker{tag: tag}
	m.of(reflect.TypeOf(v), "")
	return m.found
}

type marker struct {
	tag   string
	found []Mark
	open  []reflect.Type // types in progress, because a type may contain itself
}

func (m *marker) of(t reflect.Type, path string) {
	switch {
	case t == nodeType, reflect.PointerTo(t).Implements(hideTakerType), reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
	case t.Kind() == reflect.Pointer:
		m.of(t.Elem(), path)
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		m.of(t.Elem(), Join(path, "*"))
	case t.Kind() == reflect.Struct && !slices.Contains(m.open, t):
		m.open = append(m.open, t)
		for _, f := range fieldsOf(t) {
			at := Join(path, f.name)
			if text := f.tag.Get(m.tag); text != "" {
				m.found = append(m.found, Mark{at, text})
			}
			m.of(f.typeIn(t), at)
		}
		m.open = m.open[:len(m.open)-1]
	}
}

// Texts returns the settings of a struct that can hold free text, which is any text but one of the values of a tag
// oneof: texts, lists of texts, maps, Nodes, any, and types with UnmarshalText such as Hidden. It leaves out texts with
// the tag oneof, numbers, Durations and Sizes. Mark.Text is the text of the setting's tag, or else of the tag of the
// nearest enclosing field, or else "". Texts includes a bool only if the bool or an enclosing field has the tag.
func Texts(v any, tag string) []Mark {
	t := texts{tag: tag}
	t.of(reflect.TypeOf(v), "", "", "")
	return t.found
}

type texts struct {
	tag   string
	found []Mark
	open  []reflect.Type // types in progress, because a type may contain itself
}

func (x *texts) of(t reflect.Type, path, says, oneof string) {
	switch {
	case t == durationType, t == timeDurationType, t == sizeType:
	case t == nodeType, t.Kind() == reflect.Interface, reflect.PointerTo(t).Implements(textType):
		x.found = append(x.found, Mark{path, says})
	case t.Kind() == reflect.Bool:
		if says != "" {
			x.found = append(x.found, Mark{path, says})
		}
	case t.Kind() == reflect.Pointer:
		x.of(t.Elem(), path, says, oneof)
	case t.Kind() == reflect.Slice:
		item := Join(path, "*")
		x.of(t.Elem(), item, says, oneof)
		if last := len(x.found) - 1; last >= 0 && x.found[last].Path == item {
			x.found[last].Path = path // a list of texts counts as one setting
		}
	case t.Kind() == reflect.Map: // the keys of a map are text
		x.found = append(x.found, Mark{path, says})
	case t.Kind() == reflect.String && oneof == "", slices.Contains(x.open, t): // or a type that contains itself
		x.found = append(x.found, Mark{path, says})
	case t.Kind() == reflect.Struct && len(fieldsOf(t)) == 0 && t.NumField() > 0: // not settings, but a form of its own
		x.found = append(x.found, Mark{path, says})
	case t.Kind() == reflect.Struct:
		x.open = append(x.open, t)
		if reflect.PointerTo(t).Implements(reflect.TypeFor[Shorthand]()) {
			x.found = append(x.found, Mark{path, says}) // the struct may also be written as one word
		}
		for _, f := range fieldsOf(t) {
			x.of(t.FieldByIndex(f.index).Type, Join(path, f.name), cmp.Or(f.tag.Get(x.tag), says), f.tag.Get("oneof"))
		}
		x.open = x.open[:len(x.open)-1]
	}
}

// Numbers returns the settings of a struct that are numbers, Durations or Sizes. Mark.Text is the text of the
// setting's tag, or "".
func Numbers(v any, tag string) []Mark {
	n := numbers{tag: tag}
	n.of(reflect.TypeOf(v), "", "")
	return n.found
}

type numbers struct {
	tag   string
	found []Mark
	open  []reflect.Type // types in progress, because a type may contain itself
}

func (x *numbers) of(t reflect.Type, path, says string) {
	switch k := t.Kind(); {
	case k >= reflect.Int && k <= reflect.Float64:
		x.found = append(x.found, Mark{path, says})
	case t == nodeType:
	case k == reflect.Pointer:
		x.of(t.Elem(), path, says)
	case k == reflect.Slice, k == reflect.Map:
		x.of(t.Elem(), Join(path, "*"), says)
	case k == reflect.Struct && !slices.Contains(x.open, t):
		x.open = append(x.open, t)
		for _, f := range fieldsOf(t) {
			x.of(t.FieldByIndex(f.index).Type, Join(path, f.name), f.tag.Get(x.tag))
		}
		x.open = x.open[:len(x.open)-1]
	}
}

// All returns the nodes at a path below n. The path may contain *, as Mark.Path does.
func (n *Node) All(path string) (all []*Node) {
	n.visit(strings.Split(path, "/"), func(found *Node) { all = append(all, found) })
	return all
}

func (n *Node) visit(keys []string, do func(*Node)) {
	if len(keys) == 0 {
		do(n)
		return
	}
	for _, e := range n.Entries {
		if keys[0] == e.Key || keys[0] == "*" {
			e.Value.visit(keys[1:], do)
		}
	}
	for _, item := range n.List {
		if keys[0] == "*" {
			item.visit(keys[1:], do)
		}
	}
}

// Edit returns a copy of the node in which each node at the path is replaced by the result of edit. The path may
// contain *, as Mark.Path does. The copy shares with n the nodes that are not on the path.
func (n *Node) Edit(path string, edit func(*Node) *Node) *Node {
	return n.edit(strings.Split(path, "/"), edit)
}

func (n *Node) edit(keys []string, edit func(*Node) *Node) *Node {
	if len(keys) == 0 {
		return edit(n)
	}
	out := *n
	out.Entries, out.List = slices.Clone(n.Entries), slices.Clone(n.List)
	for i, e := range out.Entries {
		if keys[0] == e.Key || keys[0] == "*" {
			out.Entries[i].Value = e.Value.edit(keys[1:], edit)
		}
	}
	for i, item := range out.List {
		if keys[0] == "*" {
			out.List[i] = item.edit(keys[1:], edit)
		}
	}
	return &out
}
