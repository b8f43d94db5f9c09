// Package logging makes the logger of the program. It writes lines for people on a terminal, and JSON
// elsewhere. In both forms it reduces URLs to scheme and host, so that no log contains their secrets.
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

// New returns a logger that writes to w with the level and the format of the block log. environ holds
// the environment, by which a user can turn colours off: see noColour. The logger reduces the URLs in
// messages, strings and errors to scheme and host.
func New(c configs.Log, w io.Writer, environ []string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the level is not set; the loader of the configuration refuses unknown ones
	}
	terminal := IsTerminal(w)
	if c.Format == "human" || c.Format != "json" && terminal {
		return slog.New(newHumanHandler(w, level, terminal && !noColour(environ)))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutSecrets}))
}

// IsTerminal reports whether a writer is a character device, as a terminal is.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// noColour reports whether the environment turns colours off: NO_COLOR is not empty (no-color.org), or
// TERM is dumb.
func noColour(environ []string) bool {
	for _, v := range environ {
		if name, value, _ := strings.Cut(v, "="); name == "NO_COLOR" && value != "" || v == "TERM=dumb" {
			return true
		}
	}
	return false
}

// withoutSecrets returns an attribute with its URLs reduced to scheme and host. It also converts
// durations, errors and enumerations with names to text. It has the type of
// slog.HandlerOptions.ReplaceAttr.
func withoutSecrets(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redactURLs(v.String()))
	case slog.KindDuration: // JSON would have a number without its unit
		a.Value = slog.StringValue(v.Duration().String())
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(redactURLs(x.Error()))
		case fmt.Stringer:
			if isEnumeration(x) { // JSON would have the number and not the name
				a.Value = slog.StringValue(redactURLs(x.String()))
			}
		}
	}
	return a
}

// isEnumeration reports whether the type of a value is an integer type. A fmt.Stringer of such a type is
// an enumeration with names.
func isEnumeration(x any) bool {
	switch reflect.TypeOf(x).Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// redactURLs returns a text with its URLs reduced to scheme and host.
func redactURLs(s string) string {
	if strings.Contains(s, "://") {
		return config.Redact(s)
	}
	return s
}
