package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unique"
)

// Secret is a password, a hash of one, a token or a key: nothing of it is ever shown.
type Secret = Hidden[secretForm]

// Token is a secret that a program sends as it stands. It shows its digest, which means the
// same in a configuration and cannot be sent.
type Token = Hidden[tokenForm]

// URL shows scheme and host only: a password, a token or a signature may be in its user
// info, its path or its query, and each server names it otherwise.
type URL = Hidden[urlForm]

// DSN is a data source name. It shows hosts and database only.
type DSN = Hidden[dsnForm]

// NewSecret hides a text.
func NewSecret(text string) Secret { return hide[secretForm](text) }

// NewToken hides a token, or takes its digest.
func NewToken(text string) Token { return hide[tokenForm](text) }

// NewURL hides what of a URL is not shown. The text may be no URL: nothing of it is
// shown then.
func NewURL(text string) URL { return hide[urlForm](text) }

// NewDSN hides what of a data source name is not shown.
func NewDSN(text string) DSN { return hide[dsnForm](text) }

// Hidden is a text of a configuration that may hold a secret. However it is printed,
// logged or encoded, only that part appears which its form shows; Reveal alone returns
// the text. It is decoded as any text, and no problem with it quotes it.
//
// Two of the same text are equal. A struct that holds one in a field that is not
// exported prints as an address.
type Hidden[F form] struct {
	text unique.Handle[string] // zero: empty; a handle prints as an address where fmt sees no method
}

// form says what of a text may be shown.
type form interface {
	// shown returns what whoever may look may see.
	shown(text string) string
	// own returns what also its author may see: no password.
	own(text string) string
}

// hiddenText stands for what is not shown.
const hiddenText = "xxxxx"

// cutText stands for the rest of what is shown in part. A configuration that holds it
// was printed by a program, and would mean something else: it is refused.
const cutText = "…"

func hide[F form](text string) (h Hidden[F]) {
	if text != "" {
		h.text = unique.Make(text)
	}
	return h
}

// Reveal returns the text itself. What is made of it must not be shown.
func (h Hidden[F]) Reveal() string {
	if h.Empty() {
		return ""
	}
	return h.text.Value()
}

// Empty reports whether there is no text.
func (h Hidden[F]) Empty() bool { return h == Hidden[F]{} }

// IsZero is Empty, for encoders that leave out what is not written.
func (h Hidden[F]) IsZero() bool { return h.Empty() }

// Own returns what the author of the declaration may see of it.
func (h Hidden[F]) Own() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.own(h.Reveal())
}

// String returns what may be shown.
func (h Hidden[F]) String() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.shown(h.Reveal())
}

// GoString is as String, for %#v.
func (h Hidden[F]) GoString() string { return fmt.Sprintf("%q", h.String()) }

// Format is as String, whatever the verb: %d and %p would look into the struct.
func (h Hidden[F]) Format(s fmt.State, verb rune) {
	if verb == 'q' || s.Flag('#') {
		_, _ = io.WriteString(s, h.GoString())
		return
	}
	_, _ = io.WriteString(s, h.String())
}

// MarshalText is as String.
func (h Hidden[F]) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalJSON is as String.
func (h Hidden[F]) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// MarshalYAML is as String.
func (h Hidden[F]) MarshalYAML() (any, error) { return h.String(), nil }

// LogValue is as String.
func (h Hidden[F]) LogValue() slog.Value { return slog.StringValue(h.String()) }

// UnmarshalText takes the text itself. What stands for a hidden one is an error.
func (h *Hidden[F]) UnmarshalText(text []byte) error {
	*h = hide[F](string(text)) // in any case: that it is empty would be another fault
	return refusePlaceholder(string(text))
}

func refusePlaceholder(text string) error {
	if text == hiddenText || strings.Contains(text, cutText) {
		return Problem{Msg: "this stands for what is not shown (" + hiddenText + " or " + cutText + "): write the value itself"}
	}
	return nil
}

// sight is how much of what is hidden a tree shows.
type sight int

const (
	sightAnybody sight = iota // what may be shown
	sightAuthor               // what the author of the declaration may see
	sightAll                  // the values themselves
)

// hider is a Hidden or a HiddenList.
type hider interface{ tree(sight) *Node }

// hideTaker is a pointer to one. Its problems do not quote what was written.
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
