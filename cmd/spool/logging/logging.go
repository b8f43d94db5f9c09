// Package logging makes the program's log: lines for people on a terminal, JSON elsewhere.
// Neither contains the secrets of URLs.
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

// New returns a logger as configured. It removes the passwords of URLs from every record.
func New(c configs.Log, w io.Writer, environ []string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // unset: the loader refuses unknown names
	}
	terminal := IsTerminal(w)
	if c.Format == "human" || c.Format != "json" && terminal {
		return slog.New(newHumanHandler(w, level, terminal && !noColour(environ)))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}))
}

// IsTerminal reports whether the writer is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// noColour reports whether the environment asks for no colours: see no-color.org.
func noColour(environ []string) bool {
	for _, v := range environ {
		if name, value, _ := strings.Cut(v, "="); name == "NO_COLOR" && value != "" || v == "TERM=dumb" {
			return true
		}
	}
	return false
}

// withoutSecrets redacts URLs, in case the caller has not, and formats durations, errors and
// enumerations as text.
func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redactURLs(v.String()))
	case slog.KindDuration: // a number would lack its unit
		a.Value = slog.StringValue(v.Duration().String())
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(redactURLs(x.Error()))
		case fmt.Stringer:
			if isEnumeration(x) { // JSON would have the number
				a.Value = slog.StringValue(redactURLs(x.String()))
			}
		}
	}
	return a
}

// isEnumeration reports whether a value is a number; if it is a fmt.Stringer too, it has a name.
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
