package redact

import (
	"context"
	"fmt"
	"log/slog"
)

// Log is the log of a pull. It replaces the password by xxxxx in the attributes of each line: a server may
// repeat the password in any of its words, such as the reason of a refusal. Messages are constant texts.
type Log struct {
	slog.Handler
	Secret Texts
}

// Handle passes r on with the password hidden in its attributes. It implements slog.Handler.
func (l Log) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(l.redact(a))
		return true
	})
	return l.Handler.Handle(ctx, out)
}

// WithAttrs returns the log with further attributes, in which the password is hidden. It implements slog.Handler.
func (l Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Log{l.Handler.WithAttrs(l.redactAll(attrs)), l.Secret}
}

// WithGroup returns the log with a group, in which the password is hidden, too. It implements slog.Handler.
func (l Log) WithGroup(name string) slog.Handler {
	return Log{l.Handler.WithGroup(name), l.Secret}
}

func (l Log) redactAll(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = l.redact(a)
	}
	return out
}

func (l Log) redact(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(l.redactAll(v.Group())...)}
	case slog.KindString, slog.KindAny: // no other kind can hold a text
		text := v.String()
		if v.Kind() == slog.KindAny {
			text = fmt.Sprint(v.Any())
		}
		if clean := l.Secret.Hide(text); clean != text {
			return slog.String(a.Key, clean)
		}
	}
	return a
}
