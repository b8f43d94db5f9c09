package rtsp

import (
	"context"
	"fmt"
	"log/slog"
)

// redactedLog is the log of a pull. It replaces the password by xxxxx in the attributes of each line: a server may
// repeat the password in any of its words, such as the reason of a refusal. Messages are constant texts.
type redactedLog struct {
	slog.Handler
	secret secretTexts
}

// Handle passes r on with the password hidden in its attributes. It implements slog.Handler.
func (l redactedLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(l.redact(a))
		return true
	})
	return l.Handler.Handle(ctx, out)
}

// WithAttrs returns the log with further attributes, in which the password is hidden. It implements slog.Handler.
func (l redactedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactedLog{l.Handler.WithAttrs(l.redactAll(attrs)), l.secret}
}

// WithGroup returns the log with a group, in which the password is hidden, too. It implements slog.Handler.
func (l redactedLog) WithGroup(name string) slog.Handler {
	return redactedLog{l.Handler.WithGroup(name), l.secret}
}

func (l redactedLog) redactAll(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = l.redact(a)
	}
	return out
}

func (l redactedLog) redact(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(l.redactAll(v.Group())...)}
	case slog.KindString, slog.KindAny: // no other kind can hold a text
		text := v.String()
		if v.Kind() == slog.KindAny {
			text = fmt.Sprint(v.Any())
		}
		if clean := l.secret.hidden(text); clean != text {
			return slog.String(a.Key, clean)
		}
	}
	return a
}
