package logging

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// humanHandler is a slog.Handler that writes each record as one line for people:
//
//	15:04:05.000 INFO  recording              stream=live/a file=a.mp4
//
// A value of several lines, such as a stack, follows the line and is indented.
type humanHandler struct {
	out    *log.Logger // serialises the writes
	level  slog.Level
	colour bool
	group  string // names of the open groups, each with a dot at its end
	attrs  string // formatted attributes of WithAttrs whose values have one line
	below  string // formatted attributes of WithAttrs whose values have several lines
}

func newHumanHandler(w io.Writer, level slog.Level, colour bool) *humanHandler {
	return &humanHandler{out: log.New(w, "", 0), level: level, colour: colour}
}

// Enabled reports whether records of a level are written; see slog.Handler.
func (h *humanHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle writes one record with one write; see slog.Handler.
func (h *humanHandler) Handle(_ context.Context, r slog.Record) error {
	var line, below strings.Builder
	if !r.Time.IsZero() {
		h.paint(&line, faint, r.Time.Format("15:04:05.000"))
		line.WriteByte(' ')
	}
	h.paint(&line, levelColour(r.Level), fmt.Sprintf("%-5s", r.Level))
	msg := redactURLs(r.Message)
	if h.attrs != "" || r.NumAttrs() > 0 {
		msg = fmt.Sprintf("%-24s", msg)
	}
	line.WriteString(" " + msg + h.attrs)
	below.WriteString(h.below)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(&line, &below, h.group, a)
		return true
	})
	line.WriteByte('\n')
	line.WriteString(below.String())
	return h.out.Output(0, line.String())
}

// WithAttrs returns a handler that adds attributes to each record; see slog.Handler.
func (h *humanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var line, below strings.Builder
	for _, a := range attrs {
		h.attr(&line, &below, h.group, a)
	}
	c := *h
	c.attrs += line.String()
	c.below += below.String()
	return &c
}

// WithGroup returns a handler that puts the name of a group and a dot before the names of further
// attributes; see slog.Handler.
func (h *humanHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group += name + "."
	return &c
}

// attr formats an attribute of a group to line, or to below if its value has several lines.
func (h *humanHandler) attr(line, below *strings.Builder, group string, a slog.Attr) {
	a = withoutSecrets(nil, a)
	if a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range a.Value.Group() {
			h.attr(line, below, group, inner)
		}
		return
	}
	value := valueText(a.Value)
	if strings.Contains(strings.TrimRight(value, "\n"), "\n") {
		fmt.Fprintf(below, "    %s%s:\n", group, a.Key)
		for text := range strings.SplitSeq(strings.TrimRight(value, "\n"), "\n") {
			below.WriteString("      " + text + "\n")
		}
		return
	}
	line.WriteByte(' ')
	h.paint(line, faint, group+a.Key+"=")
	line.WriteString(quoteIfOdd(value))
}

func valueText(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().Format(time.RFC3339Nano)
	}
	return v.String()
}

// quoteIfOdd returns a value in quotes if it has spaces, quotes or =, which would make a line ambiguous,
// or control characters, which a terminal would execute. An empty value is quoted, too.
func quoteIfOdd(s string) string {
	odd := func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || !strconv.IsPrint(r) }
	if s == "" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

// Parameters of the control function SGR, which sets the colour of a terminal (ECMA-48, 8.3.117).
const (
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func levelColour(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return red
	case level >= slog.LevelWarn:
		return yellow
	case level >= slog.LevelInfo:
		return green
	}
	return cyan
}

// paint writes a text to b: in a colour if the terminal shows colours, else as it is.
func (h *humanHandler) paint(b *strings.Builder, colour, text string) {
	if !h.colour {
		b.WriteString(text)
		return
	}
	b.WriteString("\x1b[" + colour + "m" + text + "\x1b[0m")
}
