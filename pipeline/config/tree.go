package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// reader turns the tree of the YAML library into nodes.
type reader struct {
	file     string
	open     map[*yaml.Node]bool // anchored values in progress; none may contain an alias of itself
	nodes    int                 // number of nodes that may still be made
	text     int                 // bytes of paths that may still be made
	full     bool                // nodes or text is exhausted, and that was reported
	problems collector
}

// newReader returns a reader for a text of size bytes. The size bounds the number of nodes and the length of their
// paths, because a short text with aliases could otherwise make a very large tree.
func newReader(file string, size int) *reader {
	return &reader{file: file, open: map[*yaml.Node]bool{}, nodes: min(MaxNodes, 1000+4*size), text: 1<<16 + 64*size}
}

func (r *reader) fail(n *yaml.Node, path, format string, args ...any) {
	r.problems.add(Problem{Pos: r.pos(n), Path: path, Msg: fmt.Sprintf(format, args...)})
}

// value returns the node of a YAML value of any kind.
func (r *reader) value(n *yaml.Node, path string, depth int) *Node {
	out := &Node{Pos: r.pos(n), Path: path}
	if !r.room(n, path, depth) {
		return out
	}
	if n.Anchor != "" {
		r.open[n] = true
		defer delete(r.open, n)
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return r.alias(n, path, depth)
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str" && n.Tag != "!!map" && n.Tag != "!!seq":
		tag := "this tag" // it may be a password that begins with !
		if name, standard := strings.CutPrefix(n.Tag, "!!"); standard && plainText(name, "") {
			tag = fmt.Sprintf("the tag %.60s", n.Tag)
		}
		r.fail(n, path, "%s means nothing here: a text that begins with ! stands in quotes", tag)
	case n.Kind == yaml.MappingNode:
		r.mapping(out, n.Content, depth)
	case n.Kind == yaml.SequenceNode:
		out.IsList = true
		for i, item := range n.Content {
			if r.full {
				break
			}
			out.List = append(out.List, r.value(item, Join(path, strconv.Itoa(i)), depth+1))
		}
	default:
		if first, _ := utf8.DecodeRuneInString(n.Value); unquoted(n) && first != utf8.RuneError && strings.ContainsRune(curlyQuotes, first) {
			r.problems.add(Problem{Pos: r.pos(n), Path: path, Msg: "this text begins with a typographic quote, which YAML takes for a letter", Hint: `write straight quotes, " or ', around it`})
		}
		out.Scalar = scalar(n)
		if _, whole := out.whole(); whole && out.text() != n.Value {
			out.Written = n.Value
		}
	}
	return out
}

// room takes the node n into account: it subtracts one from r.nodes, and the length of the node's path from r.text.
// It returns false if one of them is exhausted, which it reports once for the text, or if the node is deeper than
// MaxDepth, which it reports for each such node.
func (r *reader) room(n *yaml.Node, path string, depth int) bool {
	r.nodes--
	r.text -= len(path)
	enough := r.nodes >= 0 && r.text >= 0
	if depth <= MaxDepth && enough {
		return true
	}
	if depth > MaxDepth || !r.full {
		r.fail(n, "", "too large: more than %d values or %d levels, or more than the text's own length is worth", MaxNodes, MaxDepth)
	}
	r.full = r.full || !enough
	return false
}

// mapping adds to the map out the entries of content, in which keys and values alternate. It adds the written
// entries first, and then each entry of the merge keys (<<) whose key out does not have yet.
func (r *reader) mapping(out *Node, content []*yaml.Node, depth int) {
	out.IsMap = true
	lines := map[string]int{} // line of each key
	var merged []*yaml.Node
	for i := 0; i+1 < len(content) && !r.full; i += 2 {
		k, v := content[i], content[i+1]
		if k.Tag == "!!merge" {
			merged = append(merged, v)
			continue
		}
		key, ok := r.key(k, out.Path)
		if !ok {
			continue
		}
		pos := r.pos(k)
		if line, ok := lines[key]; ok {
			r.fail(k, Join(out.Path, key), "this key is there twice; the first is at line %d", line)
			continue
		}
		lines[key] = pos.Line
		out.Entries = append(out.Entries, Entry{key, pos, r.value(v, Join(out.Path, key), depth+1)})
	}
	for _, m := range merged {
		r.merge(out, lines, m, depth)
	}
}

// merge adds to out the entries of from, the value of a merge key (<<), if out does not have their key yet. from
// is a map or a list of maps. lines holds the line of each key of out.
func (r *reader) merge(out *Node, lines map[string]int, from *yaml.Node, depth int) {
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

func (r *reader) alias(n *yaml.Node, path string, depth int) *Node {
	if r.open[n.Alias] {
		r.fail(n, path, "no anchor &%s before this", n.Value)
		return &Node{Pos: r.pos(n), Path: path}
	}
	return r.value(n.Alias, path, depth)
}

// unquoted reports whether a text was written without quotes.
func unquoted(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// key returns the text of a map's key as it was written, even if the key is a number or a truth value. If the key
// is not valid, it reports a problem and returns false. path is the path of the map.
func (r *reader) key(k *yaml.Node, path string) (string, bool) {
	switch {
	case k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0 || k.Anchor != "":
		r.fail(k, path, "a key must be plain text")
		return "", false
	case len(k.Value) > MaxKeyBytes:
		r.fail(k, path, "this key has %d bytes, %d are allowed", len(k.Value), MaxKeyBytes)
		return "", false
	}
	if c, is := invisible(k.Value); is && unquoted(k) {
		r.problems.add(Problem{Pos: r.pos(k), Path: path, Msg: fmt.Sprintf("this key begins with the invisible character %U", c), Hint: "delete it: YAML indents with plain spaces"})
		return "", false
	}
	return k.Value, true
}

// scalar returns the value of a YAML scalar for Node.Scalar. Dates, times, yes and no stay text, because versions of
// YAML differ. Integers with a leading zero stay text, because 0640 is octal in YAML 1.1 and decimal in 1.2.
// Integers of more than 64 bits stay text, too. Other forms that only one version accepts are numbers: 1_000,
// 0o17, 1e3.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		if v, ok := wholeNumber(n.Value); ok {
			return v
		}
	case "!!float":
		if v, ok := floatNumber(n.Value); ok {
			return v
		}
	}
	return n.Value
}

// wholeNumber parses an integer. It returns an int64, or a uint64 for a value beyond the range of int64. It
// returns false for a text that is no integer of 64 bits, or has a leading zero.
func wholeNumber(text string) (any, bool) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	if digits := strings.TrimPrefix(text, "-"); len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return nil, false
	}
	if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		return i, true
	}
	u, err := strconv.ParseUint(text, 0, 64)
	return u, err == nil
}

func floatNumber(text string) (float64, bool) {
	switch strings.ToLower(strings.TrimPrefix(text, "+")) {
	case ".inf":
		return math.Inf(1), true
	case "-.inf":
		return math.Inf(-1), true
	case ".nan":
		return math.NaN(), true
	}
	if !strings.ContainsAny(text, ".eE") {
		return 0, false // such as 08, or an integer of more than 64 bits
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil
}

// integer returns v, converted to int64 if it is a uint64 that an int64 can hold.
func integer(v any) any {
	if u, ok := v.(uint64); ok && u <= math.MaxInt64 {
		return int64(u)
	}
	return v
}

// pos returns the position of a value in the file. The position of a map without braces is that of its first key.
func (r *reader) pos(n *yaml.Node) Pos { return Pos{r.file, n.Line, max(n.Column, 1)} }
