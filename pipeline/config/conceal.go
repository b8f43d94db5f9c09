package config

import (
	"encoding"
	"reflect"
	"slices"
)

// Conceal returns a copy of the written value n in which hidden texts are replaced. like is a value of the type into
// which n is decoded. Conceal replaces a value of type Hidden with its String, and a HiddenList with its Shown. With
// own set, it keeps as much of them as the author of the configuration may see (see Hidden.Own). A placeholder
// replaces each part of n for which the type has no setting, because its text may be secret.
//
// For a part whose type is *Node, Conceal calls nodes and uses the result.
func Conceal(n *Node, like any, own bool, nodes func(*Node) *Node) *Node {
	c := concealer{sight: sightAnybody, nodes: nodes}
	if own {
		c.sight = sightAuthor
	}
	return c.value(n, reflect.TypeOf(like))
}

type concealer struct {
	sight sight
	nodes func(*Node) *Node
}

func (c concealer) value(n *Node, t reflect.Type) *Node {
	for t.Kind() == reflect.Pointer && t.Elem() != nodeType {
		t = t.Elem()
	}
	switch {
	case n.Empty():
		return n
	case t == nodeType, t.Kind() == reflect.Pointer:
		return c.nodes(n)
	case reflect.PointerTo(t).Implements(hideTakerType):
		return c.hidden(n, t)
	case t.Kind() == reflect.Struct && n.IsMap && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return c.structure(n, t)
	case t.Kind() == reflect.Map && n.IsMap, t.Kind() == reflect.Slice && n.IsList:
		return c.each(n, t.Elem())
	case mayHide(t, nil):
		return Cut(n)
	}
	return n
}

func (c concealer) hidden(n *Node, t reflect.Type) *Node {
	v := reflect.New(t)
	if len(v.Interface().(hideTaker).take(n)) > 0 {
		return Cut(n)
	}
	out := v.Elem().Interface().(hider).tree(c.sight).copyTo(n.Path)
	out.Pos = n.Pos
	return out
}

func (c concealer) structure(n *Node, t reflect.Type) *Node {
	fields := fieldsOf(t)
	out := *n
	out.Entries = slices.Clone(n.Entries)
	for i, e := range out.Entries {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == e.Key })
		if at < 0 {
			out.Entries[i].Value = Cut(e.Value)
			continue
		}
		out.Entries[i].Value = c.value(e.Value, t.FieldByIndex(fields[at].index).Type)
	}
	return &out
}

func (c concealer) each(n *Node, item reflect.Type) *Node {
	out := *n
	out.Entries, out.List = slices.Clone(n.Entries), slices.Clone(n.List)
	for i := range out.Entries {
		out.Entries[i].Value = c.value(out.Entries[i].Value, item)
	}
	for i := range out.List {
		out.List[i] = c.value(out.List[i], item)
	}
	return &out
}

// Cut returns a node with a placeholder in place of the value of n, and with the position and path of n.
func Cut(n *Node) *Node { return &Node{Pos: n.Pos, Path: n.Path, Scalar: cutText} }

// IsCut reports whether n is a text that is or contains a placeholder for a hidden value, or a list with such a
// text.
func IsCut(n *Node) bool {
	s, _ := n.Scalar.(string)
	return refusePlaceholder(s) != nil || slices.ContainsFunc(n.List, IsCut)
}

// mayHide reports whether a value of a type may contain a hidden value. open holds the types in progress,
// because a type may contain itself.
func mayHide(t reflect.Type, open []reflect.Type) bool {
	switch {
	case t == nodeType, reflect.PointerTo(t).Implements(hideTakerType):
		return true
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return mayHide(t.Elem(), open)
	case t.Kind() == reflect.Struct && !slices.Contains(open, t):
		open = append(open, t)
		return slices.ContainsFunc(fieldsOf(t), func(f field) bool { return mayHide(t.FieldByIndex(f.index).Type, open) })
	}
	return false
}
