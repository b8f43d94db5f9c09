package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unique"
)

// Secret is a password, the hash of a password, a token or a key. Nothing of it is shown.
type Secret = Hidden[secretForm]

// Token is a secret that a program sends unchanged. Its shown form is its digest: a server's configuration
// accepts the digest in place of the token, but a client cannot send it.
type Token = Hidden[tokenForm]

// URL is a URL that may hold a password, a token or a signature in its user info, path or query. Its shown form
// is the scheme and the host.
type URL = Hidden[urlForm]

// DSN is a data source name. Its shown form has only hosts and database.
type DSN = Hidden[dsnForm]

// NewSecret returns a Secret with the text.
func NewSecret(text string) Secret { return hide[secretForm](text) }

// NewToken returns a Token. text is the token itself or its digest.
func NewToken(text string) Token { return hide[tokenForm](text) }

// NewURL returns a URL. If the text is no URL, its shown form is a placeholder.
func NewURL(text string) URL { return hide[urlForm](text) }

// NewDSN returns a DSN with the text.
func NewDSN(text string) DSN { return hide[dsnForm](text) }

// Hidden is a text of a configuration that may hold a secret. When it is printed, logged or encoded, only its
// shown form appears; Reveal alone returns the text. Decode reads it like any text, but no problem quotes it.
// The shown form is a placeholder, or a part of the text, as F decides.
//
// Two values with the same text are equal. If a struct holds a Hidden in an unexported field, fmt prints an
// address for it.
type Hidden[F form] struct {
	// text is the zero value for "". A handle prints as an address if fmt cannot call the methods.
	text unique.Handle[string]
}

// form decides which parts of a hidden text each reader may see, and which the author of the declaration may
// see.
type form interface {
	// shown returns the form that each reader may see.
	shown(text string) string
	// own returns the form that the author may see, which has no password.
	own(text string) string
}

// hiddenText is the placeholder for a value of which nothing is shown.
const hiddenText = "xxxxx"

// cutText is the placeholder for the hidden part of a value. Decode refuses a value with either placeholder:
// the configuration was printed by a program, and the value is lost.
const cutText = "…"

func hide[F form](text string) (h Hidden[F]) {
	if text != "" {
		h.text = unique.Make(text)
	}
	return h
}

// Reveal returns the text. The caller must not show or log it, or values derived from it.
func (h Hidden[F]) Reveal() string {
	if h.Empty() {
		return ""
	}
	return h.text.Value()
}

// Empty reports whether the text is empty.
func (h Hidden[F]) Empty() bool { return h == Hidden[F]{} }

// IsZero equals Empty. Encoders call it to leave out zero values.
func (h Hidden[F]) IsZero() bool { return h.Empty() }

// Own returns the form that the author of the declaration may see.
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

// Format writes the shown form for each verb. Without it, %d and %p would print the struct.
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

// UnmarshalText sets the text. It returns an error if the text is a placeholder.
func (h *Hidden[F]) UnmarshalText(text []byte) error {
	*h = hide[F](string(text)) // set even on an error: otherwise a hook would report an empty text, too
	return refusePlaceholder(string(text))
}

func refusePlaceholder(text string) error {
	if text == hiddenText || strings.Contains(text, cutText) {
		return Problem{Msg: "this stands for what is not shown (" + hiddenText + " or " + cutText + "): write the value itself"}
	}
	return nil
}

// sight is how much of a hidden value a tree shows.
type sight int

const (
	sightAnybody sight = iota // the shown form
	sightAuthor               // the form that the author of the declaration may see
	sightAll                  // the text itself
)

// hider is a Hidden or a HiddenList. tree returns its value as a tree.
type hider interface{ tree(sight) *Node }

// hideTaker is a pointer to a Hidden or a HiddenList. take sets the value from a written one and returns the
// problems, which do not quote it.
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
