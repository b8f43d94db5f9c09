package spec

import (
	"fmt"
	"math"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// reader turns the library's tree into nodes.
type reader struct {
	file     string
	anchors  map[string]ast.Node // read to their end so far, so that none holds its own alias
	nodes    int
	problems Problems
}

func (r *reader) fail(n ast.Node, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Pos: r.pos(n), Path: path, Msg: fmt.Sprintf(format, args...)})
}

// onlyBody is the one document of a file; directives are no document.
func (r *reader) onlyBody(f *ast.File) (body ast.Node) {
	for _, d := range f.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			r.fail(d.Body, "", "a second document begins here; a configuration is one document")
			break
		}
		body = d.Body
	}
	return body
}

// value is the node for a value of any kind.
func (r *reader) value(n ast.Node, path string, depth int) *Node {
	out := &Node{Pos: r.pos(n), Path: path}
	if r.nodes++; r.nodes > MaxNodes || depth > MaxDepth {
		if r.nodes == MaxNodes+1 || depth == MaxDepth+1 {
			r.fail(n, path, "too large: more than %d values or %d levels", MaxNodes, MaxDepth)
		}
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		r.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		r.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.IsList = true
		for i, item := range n.Values {
			out.List = append(out.List, r.value(item, Join(path, strconv.Itoa(i)), depth+1))
		}
	case *ast.AnchorNode:
		out = r.value(n.Value, path, depth)
		r.anchors[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		return r.alias(n, path, depth)
	case *ast.TagNode:
		return r.tagged(n, path, depth)
	default:
		out.Scalar = r.scalar(n, path)
	}
	return out
}

// mapping fills a map in: first what is written in it, then what merge keys
// bring, which never replaces what is written.
func (r *reader) mapping(out *Node, values []*ast.MappingValueNode, depth int) {
	out.IsMap = true
	lines := map[string]int{} // where each key is
	var merged []ast.Node
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merged = append(merged, v.Value)
			continue
		}
		key, ok := r.key(v.Key, out.Path)
		if !ok {
			continue
		}
		pos := r.pos(v.Key)
		if line, ok := lines[key]; ok {
			r.fail(v.Key, Join(out.Path, key), "this key is there twice; the first is at line %d", line)
			continue
		}
		lines[key] = pos.Line
		out.Entries = append(out.Entries, Entry{key, pos, r.value(v.Value, Join(out.Path, key), depth+1)})
	}
	for _, m := range merged {
		r.merge(out, lines, m, depth)
	}
}

// merge adds the entries of a map, or of each map of a list, that are not there.
func (r *reader) merge(out *Node, lines map[string]int, from ast.Node, depth int) {
	n := r.value(from, out.Path, depth+1)
	maps := []*Node{n}
	if n.IsList {
		maps = n.List
	}
	for _, m := range maps {
		if !m.IsMap {
			r.fail(from, out.Path, "<< wants a map or a list of maps")
			return
		}
		for _, e := range m.Entries {
			if _, ok := lines[e.Key]; !ok {
				lines[e.Key] = e.Pos.Line
				e.Value.move(Join(out.Path, e.Key))
				out.Entries = append(out.Entries, e)
			}
		}
	}
}

func (r *reader) alias(n *ast.AliasNode, path string, depth int) *Node {
	name := n.Value.GetToken().Value
	target, ok := r.anchors[name]
	if !ok {
		r.fail(n, path, "no anchor &%s before this", name)
		return &Node{Pos: r.pos(n), Path: path}
	}
	return r.value(target, path, depth)
}

func (r *reader) tagged(n *ast.TagNode, path string, depth int) *Node {
	switch tag := n.GetToken().Value; tag {
	case "!!map", "!!seq":
		return r.value(n.Value, path, depth)
	case "!!str":
		out := r.value(n.Value, path, depth)
		if !out.IsMap && !out.IsList {
			out.Scalar = n.Value.GetToken().Value
		}
		return out
	default:
		r.fail(n, path, "the tag %s means nothing here", tag)
		return &Node{Pos: r.pos(n), Path: path}
	}
}

// key is the text of a map's key. A number or a truth value is taken as written.
func (r *reader) key(k ast.MapKeyNode, path string) (string, bool) {
	var n ast.Node = k
	if explicit, ok := k.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	default:
		r.fail(k, path, "a key must be plain text")
		return "", false
	}
}

// scalar is the value of a leaf, as Node.Scalar says.
func (r *reader) scalar(n ast.Node, path string) any {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.FloatNode:
		return n.Value
	case *ast.InfinityNode:
		return n.Value
	case *ast.NanNode:
		return math.NaN()
	case *ast.IntegerNode:
		return integer(n.Value)
	default:
		r.fail(n, path, "%s means nothing here", n.Type())
		return nil
	}
}

// integer is an int64 where that holds the value.
func integer(v any) any {
	if u, ok := v.(uint64); ok && u <= math.MaxInt64 {
		return int64(u)
	}
	return v
}

// pos is where a value begins: a block map begins at its first key, which the
// library's own token, a colon, is not.
func (r *reader) pos(n ast.Node) Pos {
	switch n := n.(type) {
	case nil:
		return Pos{File: r.file}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.pos(n.Values[0])
		}
	case *ast.MappingValueNode:
		return r.pos(n.Key)
	}
	return posOf(r.file, n.GetToken())
}
