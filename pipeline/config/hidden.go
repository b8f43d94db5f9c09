package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unique"
)

// Secret is a password, a hash of one, a token or a key: it is never shown.
type Secret = Hidden[secretForm]

// Token is a secret that a program sends unchanged. It shows its digest, which is valid in its
// place in a configuration and cannot be sent.
type Token = Hidden[tokenForm]

// URL shows scheme and host only: its user info, path and query may hold a password, a token or a
// signature.
type URL = Hidden[urlForm]

// DSN is a data source name. It shows hosts and database only.
type DSN = Hidden[dsnForm]

// NewSecret hides a text.
func NewSecret(text string) Secret { return hide[secretForm](text) }

// NewToken hides a token, or accepts its digest.
func NewToken(text string) Token { return hide[tokenForm](text) }

// NewURL hides a URL. Of a text that is no URL nothing is shown.
func NewURL(text string) URL { return hide[urlForm](text) }

// NewDSN hides a data source name.
func NewDSN(text string) DSN { return hide[dsnForm](text) }

// Hidden is a text of a configuration that may hold a secret. When it is printed, logged or
// encoded, only the shown form appears; Reveal alone returns the text. It is decoded like any text,
// and no problem quotes it.
//
// Two values with the same text are equal. A struct that holds one in an unexported field prints it
// as an address.
type Hidden[F form] struct {
	text unique.Handle[string] // zero: empty; prints as an address where fmt finds no method
}

// form decides which parts of a hidden text its readers may see: every reader, and the author.
type form interface {
	// shown returns the part that every reader may see.
	shown(text string) string
	// own returns the part that the author may see: no password.
	own(text string) string
}

// hiddenText stands for a hidden value.
const hiddenText = "xxxxx"

// cutText stands for the hidden rest of a partly shown value. A configuration with it was printed
// by a program and has lost its meaning: it is refused.
const cutText = "…"

func hide[F form](text string) (h Hidden[F]) {
	if text != "" {
		h.text = unique.Make(text)
	}
	return h
}

// Reveal returns the text. It, and values derived from it, must not be shown.
func (h Hidden[F]) Reveal() string {
	if h.Empty() {
		return ""
	}
	return h.text.Value()
}

// Empty reports whether the text is empty.
func (h Hidden[F]) Empty() bool { return h == Hidden[F]{} }

// IsZero is Empty, for encoders that leave out zero values.
func (h Hidden[F]) IsZero() bool { return h.Empty() }

// Own returns the form for the author of the declaration.
func (h Hidden[F]) Own() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.own(h.Reveal())
}

// String returns the shown form.
func (h Hidden[F]) String() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.shown(h.Reveal())
}

// GoString returns the quoted shown form, for %#v.
func (h Hidden[F]) GoString() string { return fmt.Sprintf("%q", h.String()) }

// Format writes the shown form for every verb: %d and %p would print the struct.
func (h Hidden[F]) Format(s fmt.State, verb rune) {
	if verb == 'q' || s.Flag('#') {
		_, _ = io.WriteString(s, h.GoString())
		return
	}
	_, _ = io.WriteString(s, h.String())
}

// MarshalText returns the shown form.
func (h Hidden[F]) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalJSON encodes the shown form.
func (h Hidden[F]) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// MarshalYAML returns the shown form.
func (h Hidden[F]) MarshalYAML() (any, error) { return h.String(), nil }

// LogValue returns the shown form.
func (h Hidden[F]) LogValue() slog.Value { return slog.StringValue(h.String()) }

// UnmarshalText sets the text. A placeholder of a hidden text is an error.
func (h *Hidden[F]) UnmarshalText(text []byte) error {
	*h = hide[F](string(text)) // even on an error, so that no further problem reports an empty text
	return refusePlaceholder(string(text))
}

func refusePlaceholder(text string) error {
	if text == hiddenText || strings.Contains(text, cutText) {
		return Problem{Msg: "this stands for what is not shown (" + hiddenText + " or " + cutText + "): write the value itself"}
	}
	return nil
}

// sight is the extent to which a tree shows hidden values.
type sight int

const (
	sightAnybody sight = iota // the shown form
	sightAuthor               // the form for the author of the declaration
	sightAll                  // the values in full
)

// hider is a Hidden or a HiddenList.
type hider interface{ tree(sight) *Node }

// hideTaker is a pointer to a hider. Its problems do not quote the written value.
type hideTaker interface{ take(*Node) Problems }

func (h Hidden[F]) tree(s sight) *Node {
	text := map[sight]func() string{sightAnybody: h.String, sightAuthor: h.Own, sightAll: h.Reveal}[s]
	return &Node{Scalar: text()}
}

func (h *Hidden[F]) take(n *Node) Problems {
	s, ok := n.Scalar.(string)
	if !ok {
		return Problems{{Msg: "text is wanted here, in quotes where it could be something else"}}
	}
	return problemsOf(h.UnmarshalText([]byte(s)))
}
