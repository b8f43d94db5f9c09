package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Join returns the path of a key below a path. A key that contains a slash, such as the path of a stream, is
// put in brackets: streams[live/camera01]/pull.
func Join(path, key string) string {
	if strings.Contains(key, "/") {
		return path + "[" + key + "]"
	}
	if path == "" {
		return key
	}
	return path + "/" + key
}

// Get returns the value of a key of a map, or nil if the map has no such key. n may be nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	if e := n.entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Empty reports whether the node has no value: it is nil, or its value is null.
func (n *Node) Empty() bool { return n == nil || !n.IsMap && !n.IsList && n.Scalar == nil }

// Text returns the value of a text node. ok is false for any other node.
func (n *Node) Text() (text string, ok bool) {
	if n != nil && !n.IsMap && !n.IsList {
		text, ok = n.Scalar.(string)
	}
	return text, ok
}

// Set sets the value of a key of a map. It changes n.Entries in place, so no other node may share them.
func (n *Node) Set(key string, v *Node) {
	if e := n.entry(key); e != nil {
		e.Value = v
		return
	}
	n.Entries = append(n.Entries, Entry{Key: key, Pos: v.Pos, Value: v})
}

// At returns a deep copy of n and the nodes below it, as if n stood at the path given: the paths of all copied nodes
// change, and their positions do not.
func (n *Node) At(path string) *Node { return n.copyTo(path) }

func (n *Node) entry(key string) *Entry {
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// move sets the path of a node, and with it the paths of all nodes below.
func (n *Node) move(path string) {
	n.Path = path
	for _, e := range n.Entries {
		e.Value.move(Join(path, e.Key))
	}
	for i, item := range n.List {
		item.move(Join(path, strconv.Itoa(i)))
	}
}

// FromAny returns the node of a plain value: nil, bool, a number, text, []any or map[string]any. path is the
// node's path. pos returns the position of a path; it may be nil. The value may contain a *Node: FromAny does not
// copy it, keeps its position and changes its path. The entries of a map are ordered by their positions, and then
// by their keys.
func FromAny(v any, path string, pos func(path string) Pos) *Node {
	if pos == nil {
		pos = func(string) Pos { return Pos{} }
	}
	if leaf, ok := v.(*Node); ok {
		leaf.move(path)
		return leaf
	}
	n := &Node{Pos: pos(path), Path: path}
	switch v := v.(type) {
	case map[string]any:
		n.IsMap = true
		for key, value := range v {
			at := Join(path, key)
			n.Entries = append(n.Entries, Entry{key, pos(at), FromAny(value, at, pos)})
		}
		slices.SortFunc(n.Entries, func(a, b Entry) int {
			return cmp.Or(comparePos(a.Pos, b.Pos), cmp.Compare(a.Key, b.Key))
		})
	case []any:
		n.IsList = true
		for i, item := range v {
			n.List = append(n.List, FromAny(item, Join(path, strconv.Itoa(i)), pos))
		}
	default:
		n.Scalar = scalarOf(v)
	}
	return n
}

// SplitPath returns the keys of a path that Join made.
func SplitPath(path string) (keys []string) {
	for path != "" {
		end, rest := strings.IndexAny(path, "/["), 0
		if path[0] == '[' {
			path = path[1:]
			end, rest = strings.IndexByte(path, ']'), 1
		}
		if end < 0 {
			return append(keys, path)
		}
		keys = append(keys, path[:end])
		path = strings.TrimPrefix(path[end+rest:], "/")
	}
	return keys
}

// scalarOf converts a Go value to one of the types that Node.Scalar can have: each signed integer to int64, for
// example. It converts a value of another kind, such as a struct, to its text.
func scalarOf(v any) any {
	r := reflect.ValueOf(v)
	switch {
	case v == nil:
		return nil
	case r.CanInt():
		return r.Int()
	case r.CanUint():
		return integer(r.Uint())
	case r.CanFloat():
		return r.Float()
	case r.Kind() == reflect.Bool:
		return r.Bool()
	case r.Kind() == reflect.String:
		return r.String()
	}
	return fmt.Sprint(v)
}

// Any returns the node as a plain value: nil, a scalar, []any or map[string]any. The value has no positions, and
// its maps have no order.
func (n *Node) Any() any {
	switch {
	case n == nil:
		return nil
	case n.IsMap:
		m := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			m[e.Key] = e.Value.Any()
		}
		return m
	case n.IsList:
		list := make([]any, len(n.List))
		for i, item := range n.List {
			list[i] = item.Any()
		}
		return list
	}
	return n.Scalar
}
