package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// Command is a program and its arguments, which may hold passwords. It shows the program.
type Command = HiddenList[commandForm]

// Environment are names of variables. A name shows as it is; what somebody wrote behind
// it, as in TOKEN=..., does not.
type Environment = HiddenList[environmentForm]

// NewCommand hides the arguments of a program.
func NewCommand(args ...string) Command { return hideList[commandForm](args) }

// NewEnvironment makes a list of names.
func NewEnvironment(names ...string) Environment { return hideList[environmentForm](names) }

// HiddenList is a list of texts that may hold secrets: see Hidden, which it is like.
type HiddenList[F listForm] struct {
	items unique.Handle[string] // each ends with a NUL, which no argument can hold
}

type listForm interface {
	shown(items []string) []string
	own(items []string) []string
}

func hideList[F listForm](items []string) (l HiddenList[F]) {
	if len(items) > 0 {
		l.items = unique.Make(strings.Join(items, "\x00") + "\x00")
	}
	return l
}

// Empty reports whether there are no items.
func (l HiddenList[F]) Empty() bool { return l == HiddenList[F]{} }

// IsZero is Empty, for encoders that leave out what is not written.
func (l HiddenList[F]) IsZero() bool { return l.Empty() }

// Reveal returns the items themselves, as a copy. What is made of them must not be shown.
func (l HiddenList[F]) Reveal() []string {
	if l.Empty() {
		return nil
	}
	return strings.Split(strings.TrimSuffix(l.items.Value(), "\x00"), "\x00")
}

// Shown returns what of the items may be shown.
func (l HiddenList[F]) Shown() []string {
	var f F
	if l.Empty() {
		return []string{}
	}
	return f.shown(l.Reveal())
}

// String returns what may be shown, on one line.
func (l HiddenList[F]) String() string { return "[" + strings.Join(l.Shown(), " ") + "]" }

// GoString is as String, for %#v.
func (l HiddenList[F]) GoString() string { return fmt.Sprintf("%q", l.Shown()) }

// Format is as String, whatever the verb.
func (l HiddenList[F]) Format(s fmt.State, verb rune) {
	if verb == 'q' || s.Flag('#') {
		_, _ = io.WriteString(s, l.GoString())
		return
	}
	_, _ = io.WriteString(s, l.String())
}

// MarshalJSON encodes what may be shown.
func (l HiddenList[F]) MarshalJSON() ([]byte, error) { return json.Marshal(l.Shown()) }

// MarshalYAML encodes what may be shown.
func (l HiddenList[F]) MarshalYAML() (any, error) { return l.Shown(), nil }

// LogValue is as String.
func (l HiddenList[F]) LogValue() slog.Value { return slog.StringValue(l.String()) }

func (l HiddenList[F]) tree(s sight) *Node {
	var f F
	items := l.Reveal()
	switch s {
	case sightAnybody:
		items = l.Shown()
	case sightAuthor:
		items = f.own(items)
	}
	n := &Node{IsList: true}
	for _, item := range items {
		n.List = append(n.List, &Node{Scalar: item})
	}
	return n
}

func (l *HiddenList[F]) take(n *Node) (ps Problems) {
	if !n.IsList {
		return Problems{{Msg: "a list is wanted here", Hint: "for example [a, b]"}}
	}
	items := make([]string, len(n.List))
	for i, item := range n.List {
		key := strconv.Itoa(i)
		text, ok := item.Scalar.(string)
		switch {
		case !ok:
			ps = append(ps, At(key, "text is wanted here").WithHint("in quotes, where it is a number or could be something else"))
		case strings.Contains(text, "\x00"):
			ps = append(ps, At(key, "this holds the character NUL, which no program can be given"))
		}
		if err := refusePlaceholder(text); err != nil {
			ps = append(ps, At(key, "%v", err))
		}
		items[i] = text
	}
	*l = hideList[F](items)
	return ps
}

type commandForm struct{}

// shown is the program. What looks like more than a program's name is cut: somebody may
// have written a whole command line as one item.
func (commandForm) shown(args []string) []string {
	program, _, _ := strings.Cut(args[0], " ")
	if strings.ContainsAny(program, "\t\n@=") || strings.Contains(program, "://") {
		return []string{cutText}
	}
	if len(args) > 1 || program != args[0] {
		return []string{program, cutText}
	}
	return []string{program}
}

func (commandForm) own(args []string) []string { return args }

type environmentForm struct{}

func (environmentForm) shown(names []string) []string {
	out := slices.Clone(names)
	for i, name := range out {
		if name, _, more := strings.Cut(name, "="); more {
			out[i] = name + "=" + cutText
		}
	}
	return out
}

func (f environmentForm) own(names []string) []string { return f.shown(names) }
