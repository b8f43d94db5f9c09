package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one error in a configuration.
type Problem struct {
	Pos  Pos
	Path string // path of the setting, as in Node.Path; a hook returns it relative to its struct
	Msg  string // the error
	Hint string // the remedy; may be empty
}

// String returns the problem on one line, as file:line:col: path: msg (hint).
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

// Error returns String. It makes a Problem an error, so that a method Validate can return one.
func (p Problem) Error() string { return p.String() }

// At returns a problem for a hook (Validate or Check) to return. key names the setting in the hook's struct.
// Decode adds the position.
func At(key, format string, args ...any) Problem {
	return Problem{Path: key, Msg: fmt.Sprintf(format, args...)}
}

// WithHint returns the problem with a remedy.
func (p Problem) WithHint(format string, args ...any) Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Problems is a list of problems that is also an error. Use Err to return it: an empty Problems in an error
// variable is not nil.
type Problems []Problem

// Error returns the problems in the order of files and lines, one on each line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps.Sorted() {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns ps as an error, or nil if ps is empty.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Sorted returns a copy in the order of files and lines, without duplicates.
func (ps Problems) Sorted() Problems {
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(comparePos(a.Pos, b.Pos), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.Compact(sorted)
}

// maxProblems bounds the problems that Decode or Parse reports for one text, so that the report on a hostile
// text is not many times as long as the text. The user corrects the reported problems and checks again.
const maxProblems = 100

// collector collects the problems of one text.
type collector struct {
	list    Problems
	further int // number of problems beyond maxProblems
}

func (c *collector) full() bool { return len(c.list) == maxProblems }

func (c *collector) add(p Problem) {
	if c.full() {
		c.further++
		return
	}
	c.list = append(c.list, p)
}

// sorted returns the problems of the list, as Problems.Sorted does. If the text has more than maxProblems, a last
// problem states how many are not listed.
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

// Add appends a problem with the position and path of a node. n may be nil.
func (ps *Problems) Add(n *Node, hint, format string, args ...any) {
	p := Problem{Msg: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		p.Pos, p.Path = n.Pos, n.Path
	}
	*ps = append(*ps, p)
}

// String returns file:line:col, or only the file if there is no line.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}
