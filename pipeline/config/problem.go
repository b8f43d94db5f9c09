package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault of a configuration.
type Problem struct {
	Pos  Pos
	Path string // as Node.Path; in a Problem that a hook returns, relative to the hook's struct
	Msg  string // the fault
	Hint string // the remedy; may be empty
}

// String returns the problem on one line: file:line:col: path: msg (hint).
func (p Problem) String() string {
	var b strings.Builder
	for _, part := range []string{p.Pos.String(), Redact(p.Path)} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(p.Msg)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Error makes one problem an error, for a Validate hook to return.
func (p Problem) Error() string { return p.String() }

// At returns a problem of the value under a key of the struct whose Validate or Check returns it;
// the decoder adds the position.
func At(key, format string, args ...any) Problem {
	return Problem{Path: key, Msg: fmt.Sprintf(format, args...)}
}

// WithHint returns the problem with a remedy.
func (p Problem) WithHint(format string, args ...any) Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Problems is a list of faults as one error. An empty list is no error: convert it with Err.
type Problems []Problem

// Error returns one problem a line, in the order of files and lines.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps.Sorted() {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns nil for an empty list.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Sorted returns a copy in the order of files and lines, without repetition.
func (ps Problems) Sorted() Problems {
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(comparePos(a.Pos, b.Pos), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.Compact(sorted)
}

// maxProblems bounds the reported problems of one text: the user corrects those and checks again.
// The report on a hostile text must not be a hundred times as long as the text.
const maxProblems = 100

// collector collects the problems of one text.
type collector struct {
	list    Problems
	further int // beyond maxProblems
}

func (c *collector) full() bool { return len(c.list) == maxProblems }

func (c *collector) add(p Problem) {
	if c.full() {
		c.further++
		return
	}
	c.list = append(c.list, p)
}

// sorted returns the reported problems, and a last one that counts the rest.
func (c *collector) sorted() Problems {
	list := c.list.Sorted()
	if c.further > 0 {
		last := list[len(list)-1]
		last.Msg, last.Hint = fmt.Sprintf("%d further problems are not listed", c.further), "correct these first"
		list = append(list, last)
	}
	return list
}

func comparePos(a, b Pos) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}

// Add appends a problem at a node.
func (ps *Problems) Add(n *Node, hint, format string, args ...any) {
	p := Problem{Msg: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		p.Pos, p.Path = n.Pos, n.Path
	}
	*ps = append(*ps, p)
}

// String returns file:line:col, or the file alone without a line.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}
