package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unique"
)

// Secret is a password, the hash of a password, a token or a key. String returns only a placeholder.
type Secret = Hidden[secretForm]

// Token is a secret that a program sends unchanged. String returns its digest (sha256:...). A server's
// configuration accepts the digest in place of the token, but a client cannot log in with it.
type Token = Hidden[tokenForm]

// URL is a URL that may hold a password, a token or a signature in its user info, path or query. String returns
// the scheme and the host, and a placeholder for the rest.
type URL = Hidden[urlForm]

// DSN is a data source name. String returns the hosts and the database, and a placeholder for the rest.
type DSN = Hidden[dsnForm]

// NewSecret returns a Secret with the text.
func NewSecret(text string) Secret { return hide[secretForm](text) }

// NewToken returns a Token. text is the token itself or its digest.
func NewToken(text string) Token { return hide[tokenForm](text) }

// NewURL returns a URL with the text. If the text is no URL, String returns a placeholder.
func NewURL(text string) URL { return hide[urlForm](text) }

// NewDSN returns a DSN with the text.
func NewDSN(text string) DSN { return hide[dsnForm](text) }

// Hidden is a text of a configuration that may hold a secret. When it is printed, logged or encoded, only the
// result of String appears: a placeholder, a digest or a part of the text, as F decides. Reveal returns the text,
// and Own the text or a part of it. Decode reads a Hidden like any text, but no problem quotes it.
//
// Two values with the same text are equal. If a struct holds a Hidden in an unexported field, fmt prints an
// address for it.
type Hidden[F form] struct {
	// text is the zero Handle for an empty text. It is a Handle because fmt prints the address of that, not the
	// text, where it cannot call the methods of Hidden.
	text unique.Handle[string]
}

// form decides which part of a hidden text everyone may see, and which part the author of the configuration may see.
// Each kind of Hidden has its own form.
type form interface {
	// shown returns the part that each reader may see. It is the result of Hidden.String.
	shown(text string) string
	// own returns the part that the author may see, without a password. It is the result of Hidden.Own.
	own(text string) string
}

// hiddenText is the placeholder for a value of which nothing is shown.
const hiddenText = "xxxxx"

// cutText is the placeholder for the hidden part of a value. Decode refuses a value that is hiddenText or contains
// cutText: it was copied from a configuration that the program printed, so the hidden text is missing.
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

// IsZero returns the result of Empty. Encoders call it to leave out zero values.
func (h Hidden[F]) IsZero() bool { return h.Empty() }

// Own returns the part of the text that the author of the configuration may see: of a URL all but the password,
// else the result of String.
func (h Hidden[F]) Own() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.own(h.Reveal())
}

// String returns the part of the text that each reader may see, or a placeholder; "" if the text is empty.
func (h Hidden[F]) String() string {
	if h.Empty() {
		return ""
	}
	var f F
	return f.shown(h.Reveal())
}

// GoString returns String in quotes. fmt prints it for %#v.
func (h Hidden[F]) GoString() string { return fmt.Sprintf("%q", h.String()) }

// Format writes String for every verb, and GoString for %q and with the flag #. Without it, %d and %p would print
// the struct.
func (h Hidden[F]) Format(s fmt.State, verb rune) {
	if verb == 'q' || s.Flag('#') {
		_, _ = io.WriteString(s, h.GoString())
		return
	}
	_, _ = io.WriteString(s, h.String())
}

// MarshalText returns String, so that an encoder writes nothing that is hidden.
func (h Hidden[F]) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalJSON encodes String, so that JSON contains nothing that is hidden.
func (h Hidden[F]) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// MarshalYAML returns String, so that YAML contains nothing that is hidden.
func (h Hidden[F]) MarshalYAML() (any, error) { return h.String(), nil }

// LogValue returns String, so that a log contains nothing that is hidden.
func (h Hidden[F]) LogValue() slog.Value { return slog.StringValue(h.String()) }

// UnmarshalText sets the text. It returns an error if the text is or contains a placeholder for a hidden text.
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

// sight selects the part of a hidden text that hider.tree returns.
type sight int

const (
	sightAnybody sight = iota // the part that each reader may see: Hidden.String
	sightAuthor               // the part that the author of the configuration may see: Hidden.Own
	sightAll                  // the text itself: Hidden.Reveal
)

// hider is a Hidden or a HiddenList. Its method tree returns it as a node with the part of the hidden text that the
// sight selects.
type hider interface{ tree(sight) *Node }

// hideTaker is a pointer to a Hidden or a HiddenList. take decodes a node into the value and returns the
// problems, which do not quote the node's text.
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
