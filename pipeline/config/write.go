package config

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Style controls the comments in YAML output.
type Style struct {
	Docs bool                     // for Encode: the doc tag of each field becomes the comment above its key
	Doc  func(path string) string // returns the comment above the key with a path
	Note func(n *Node) string     // returns the comment after a scalar, an empty value or a list of scalars
}

// YAML returns the node as a YAML document. Parse reads the same values back.
func (n *Node) YAML(style Style) []byte {
	w := writer{style: style}
	switch {
	case n.IsMap && len(n.Entries) > 0:
		w.entries(n, 0)
	case n.IsList && !n.inline():
		w.items(n, 0)
	default:
		w.inline(n)
	}
	return w.out.Bytes()
}

type writer struct {
	out   bytes.Buffer
	style Style
}

func (w *writer) entries(n *Node, indent int) {
	first := true
	for _, e := range n.Entries {
		if e.Value.Borrowed {
			continue
		}
		w.doc(e.Value.Path, indent)
		// The first entry of an item follows the dash of the item on its line.
		if !first || !w.behindDash() {
			w.pad(indent)
		}
		first = false
		w.out.WriteString(plain(e.Key) + ":")
		w.value(e.Value, indent)
	}
}

// value writes the value n after the colon of its key: on the same line, or on the following lines, indented by two
// columns more than indent, the indentation of the key.
func (w *writer) value(n *Node, indent int) {
	switch {
	case n.inline():
		w.out.WriteByte(' ')
		w.inline(n)
	case n.IsMap:
		w.out.WriteByte('\n')
		w.entries(n, indent+2)
	default:
		w.out.WriteByte('\n')
		w.items(n, indent+2)
	}
}

func (w *writer) items(n *Node, indent int) {
	for _, item := range n.List {
		w.pad(indent)
		switch {
		case item.inline():
			w.out.WriteString("- ")
			w.inline(item)
		case item.IsMap && !w.documented(item.Entries[0].Value.Path):
			w.out.WriteString("- ")
			w.entries(item, indent+2)
		case item.IsMap:
			w.out.WriteString("-\n")
			w.entries(item, indent+2)
		default:
			w.out.WriteString("-\n")
			w.items(item, indent+2)
		}
	}
}

func (w *writer) behindDash() bool { return bytes.HasSuffix(w.out.Bytes(), []byte("- ")) }

func (w *writer) pad(indent int) {
	for range indent {
		w.out.WriteByte(' ')
	}
}

func (w *writer) documented(path string) bool { return w.style.Doc != nil && w.style.Doc(path) != "" }

func (w *writer) doc(path string, indent int) {
	if w.documented(path) {
		w.out.WriteString(Comment(w.style.Doc(path), indent))
	}
}

// Comment returns a text as the lines of a YAML comment, each indented by indent spaces and of at most about 100
// columns.
func Comment(text string, indent int) string {
	var out strings.Builder
	line := ""
	flush := func() {
		fmt.Fprintf(&out, "%*s#%s\n", indent, "", line)
		line = ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && indent+len(line)+len(word) > 98 {
			flush()
		}
		line += " " + word
	}
	flush()
	return out.String()
}

// inline reports whether YAML writes the value on the line of its key. It returns false for a map with entries, and
// for a list that contains a map or a list: their entries and items have lines of their own.
func (n *Node) inline() bool {
	if n.IsMap {
		return len(n.Entries) == 0
	}
	for _, item := range n.List {
		if item.IsMap || item.IsList {
			return false
		}
	}
	return true
}

func (w *writer) inline(n *Node) {
	switch {
	case n.IsMap:
		w.out.WriteString("{}")
	case n.IsList:
		texts := make([]string, len(n.List))
		for i, item := range n.List {
			texts[i] = item.scalarText()
		}
		w.out.WriteString("[" + strings.Join(texts, ", ") + "]")
	default:
		w.out.WriteString(n.scalarText())
	}
	if w.style.Note != nil {
		if note := w.style.Note(n); note != "" {
			w.out.WriteString("  # " + note)
		}
	}
	w.out.WriteByte('\n')
}

func (n *Node) scalarText() string {
	switch v := n.Scalar.(type) {
	case nil:
		return "null"
	case string:
		return plain(v)
	case float64:
		return floatText(v)
	}
	return n.text()
}

// floatText returns a float in a form that Parse reads as a float.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// bare matches texts that need no quotes: words, paths and numbers with a unit. YAML reads them as text, except
// the words that plain lists.
var bare = regexp.MustCompile(`^(?:[A-Za-z_/][\w./-]*|\.{1,2}/[\w./-]*|\d+[KMGT]i?B|(?:\d+(?:\.\d+)?(?:ms|h|m|s))+)$`)

// plain returns the text s as a YAML scalar, in quotes if YAML would not read it as this text otherwise.
func plain(s string) string {
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return strconv.Quote(s)
	}
	if bare.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
