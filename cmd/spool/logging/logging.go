// Package logging makes the log of the program: lines for people on a terminal, JSON
// elsewhere, without secrets of URLs in either.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// New logs as the configuration says. Nothing that looks like a URL with a
// password gets through it.
func New(c configs.Log, w io.Writer, environ []string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // unset: the loader lets no other name through
	}
	terminal := IsTerminal(w)
	if c.Format == "human" || c.Format != "json" && terminal {
		return slog.New(newHumanHandler(w, level, terminal && !noColour(environ)))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}))
}

// IsTerminal reports whether somebody looks at what is written.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// noColour follows no-color.org.
func noColour(environ []string) bool {
	for _, v := range environ {
		if name, value, _ := strings.Cut(v, "="); name == "NO_COLOR" && value != "" || v == "TERM=dumb" {
			return true
		}
	}
	return false
}

// withoutSecrets is the last net under code that should have redacted. It also
// writes what machines read as people do.
func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redactURLs(v.String()))
	case slog.KindDuration: // a number would not say its unit
		a.Value = slog.StringValue(v.Duration().String())
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(redactURLs(x.Error()))
		case fmt.Stringer:
			if isEnumeration(x) { // a number would not say which
				a.Value = slog.StringValue(redactURLs(x.String()))
			}
		}
	}
	return a
}

// isEnumeration reports whether a value is a number with a name of its own.
func isEnumeration(x any) bool {
	switch reflect.TypeOf(x).Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

func redactURLs(s string) string {
	if strings.Contains(s, "://") {
		return config.Redact(s)
	}
	return s
}
