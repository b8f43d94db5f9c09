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

// Command is a program with its arguments, which may hold passwords. Shown returns the program, and a placeholder
// for the arguments.
type Command = HiddenList[commandForm]

// Environment lists names of environment variables. Shown returns the names. If a value was written after a
// name, as in TOKEN=..., Shown has a placeholder for the value.
type Environment = HiddenList[environmentForm]

// NewCommand returns a Command. The first item is the program.
func NewCommand(args ...string) Command { return hideList[commandForm](args) }

// NewEnvironment returns an Environment of the names.
func NewEnvironment(names ...string) Environment { return hideList[environmentForm](names) }

// HiddenList is a list of texts that may hold secrets. When it is printed, logged or encoded, only the result of
// Shown appears. Reveal returns the texts. Decode reads a HiddenList like any list, but no problem quotes it.
type HiddenList[F listForm] struct {
	// items has all items in one text, each with NUL after it: an argument of a program cannot contain NUL.
	items unique.Handle[string]
}

// listForm decides which parts of hidden texts each reader may see (shown, the result of HiddenList.Shown), and
// which parts the author of the configuration may see (own). items is not empty.
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

// IsZero returns the result of Empty. Encoders call it to leave out zero values.
func (l HiddenList[F]) IsZero() bool { return l.Empty() }

// Reveal returns a copy of the items. The caller must not show or log them, or values derived from them.
func (l HiddenList[F]) Reveal() []string {
	if l.Empty() {
		return nil
	}
	return strings.Split(strings.TrimSuffix(l.items.Value(), "\x00"), "\x00")
}

// Shown returns the parts of the items that each reader may see, with placeholders for the rest, as F decides.
func (l HiddenList[F]) Shown() []string {
	var f F
	if l.Empty() {
		return []string{}
	}
	return f.shown(l.Reveal())
}

// String returns Shown on one line, in brackets.
func (l HiddenList[F]) String() string { return "[" + strings.Join(l.Shown(), " ") + "]" }

// GoString returns Shown with each text in quotes. fmt prints it for %#v.
func (l HiddenList[F]) GoString() string { return fmt.Sprintf("%q", l.Shown()) }

// Format writes String for every verb, and GoString for %q and with the flag #, so that no verb prints what is
// hidden.
func (l HiddenList[F]) Format(s fmt.State, verb rune) {
	if verb == 'q' || s.Flag('#') {
		_, _ = io.WriteString(s, l.GoString())
		return
	}
	_, _ = io.WriteString(s, l.String())
}

// MarshalJSON encodes Shown, so that JSON contains nothing that is hidden.
func (l HiddenList[F]) MarshalJSON() ([]byte, error) { return json.Marshal(l.Shown()) }

// MarshalYAML returns Shown, so that YAML contains nothing that is hidden.
func (l HiddenList[F]) MarshalYAML() (any, error) { return l.Shown(), nil }

// LogValue returns String, so that a log contains nothing that is hidden.
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

// shown returns the program, and a placeholder for its arguments, if any. The program is the first item up to a
// space, because the user may have written a whole command line as one item. If it has characters that occur in
// secrets rather than in names of programs, such as @ or =, shown returns only a placeholder.
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
