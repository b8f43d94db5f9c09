package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/gospool/spool/pipeline/guard"
)

// The limits of a configuration file bound the time and memory for a hostile or mistaken file. Real
// configurations are far below them.
const (
	MaxBytes    = 1 << 20 // bytes of the text
	MaxDepth    = 64      // levels of maps and lists
	MaxNodes    = 100_000 // values, with aliases expanded
	MaxKeyBytes = 1024    // bytes of a map's key
)

// Parse parses one YAML or JSON document into a tree. Each node records its line and column in the named file.
// Parse resolves anchors, aliases and merge keys; a value that an alias repeats has the position of the anchor.
// An empty text is an empty value.
//
// Parse refuses bad syntax, duplicate keys, several documents, keys that are not scalars, tags other than
// !!str, !!map and !!seq, and texts beyond MaxBytes, MaxDepth, MaxNodes or MaxKeyBytes. The error is a Problems
// with the positions.
//
// Time and memory are at most proportional to the size of the text, whatever its content. This depends on the
// YAML library: it is a port of libyaml, whose scanner reads the text once. A library that copies all keys of a
// map for each further key would need time by the square of the size.
func Parse(file string, data []byte) (n *Node, err error) {
	if len(data) > MaxBytes {
		return nil, tooLong(file)
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, Problems{{Pos: Pos{file, 1, 1}, Msg: "the file is in UTF-16", Hint: "save it as UTF-8, which editors of Windows offer beside the name"}}
	}
	if at, what := unreadable(file, data); what != "" {
		return nil, Problems{{Pos: at, Msg: "not YAML: " + what}}
	}
	// The YAML library parses text from outside, and has panicked on odd input before. A panic is an error of
	// the file, and must not end the program.
	err = guard.Call(func() (err error) { n, err = load(file, data); return err })
	if p := (*guard.PanicError)(nil); errors.As(err, &p) {
		return nil, Problems{{Pos: Pos{File: file}, Msg: fmt.Sprintf("this YAML cannot be read: %v", p.Value)}}
	}
	return n, err
}

func load(file string, data []byte) (*Node, error) {
	documents, err := yaml.NewLoader(bytes.NewReader(asLibrary(data)), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthFunc(checkDepth))))
	if err != nil {
		return nil, err
	}
	var body yaml.Node
	switch err := documents.Load(&body); {
	case errors.Is(err, io.EOF):
		return &Node{Pos: Pos{file, 1, 1}}, nil
	case err != nil:
		return nil, syntaxProblem(file, data, err)
	}
	r := newReader(file, len(data))
	root := r.value(body.Content[0], "", 0)
	var second yaml.Node
	switch err := documents.Load(&second); {
	case err == nil:
		r.fail(second.Content[0], "", "a second document begins here; a configuration is one document")
	case !errors.Is(err, io.EOF):
		return nil, syntaxProblem(file, data, err)
	}
	return root, r.problems.sorted().Err()
}

// asLibrary rewrites two constructs that the YAML library does not support. One is the directive %YAML at the
// begin of the text, which becomes a comment, because the library refuses versions other than 1.1. The other is
// a surrogate pair, with which JSON writes a character beyond U+FFFF.
func asLibrary(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("%YAML 1.")) {
		data = slices.Concat([]byte("#"), data[1:])
	}
	if bytes.Contains(data, []byte(`\ud`)) || bytes.Contains(data, []byte(`\uD`)) {
		if json.Valid(data) { // in a text that is not JSON, \ud may be no escape
			data = escapes.ReplaceAllFunc(data, joinSurrogates)
		}
	}
	return data
}

// escapes matches the escapes in a JSON string; it matches a surrogate pair as a whole.
var escapes = regexp.MustCompile(`\\u[dD][89abAB][[:xdigit:]]{2}\\u[dD][c-fC-F][[:xdigit:]]{2}|\\.`)

func joinSurrogates(escape []byte) []byte {
	if len(escape) != len(`\ud83d\ude00`) {
		return escape
	}
	high, _ := strconv.ParseUint(string(escape[2:6]), 16, 16)
	low, _ := strconv.ParseUint(string(escape[8:12]), 16, 16)
	return utf8.AppendRune(nil, utf16.DecodeRune(rune(high), rune(low)))
}

// ReadFile reads a file for Parse. It returns an error for a file of more than MaxBytes.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(data) > MaxBytes {
		err = tooLong(name)
	}
	return data, err
}

func tooLong(file string) Problems {
	return Problems{{Pos: Pos{File: file}, Msg: fmt.Sprintf("the file has more than the %d bytes that are allowed", MaxBytes)}}
}

// errDepth is the error of checkDepth. The YAML library does not wrap it, so Parse recognises its text in the
// library's error.
var errDepth = fmt.Errorf("more than %d levels within each other", MaxDepth)

// checkDepth stops the YAML library before it recurses deeper than MaxDepth. The library counts levels in
// brackets and levels by indentation separately, so reader.room counts both together again.
func checkDepth(depth int, _ *loaderlimits.DepthContext) error {
	if depth > MaxDepth {
		return errDepth
	}
	return nil
}

func syntaxProblem(file string, data []byte, err error) Problems {
	p := Problem{Pos: Pos{File: file}, Msg: err.Error()}
	if e := (*yaml.LoadError)(nil); errors.As(err, &e) {
		mark := e.Mark
		if strings.HasPrefix(e.ContextMsg, "while scanning a quoted") || strings.HasPrefix(e.ContextMsg, "while parsing a flow ") {
			mark = e.ContextMark // the begin of the unclosed value instead of the end of the text
		}
		p.Pos = Pos{file, mark.Line, mark.Column}
		switch {
		case e.Message == "found character that cannot start any token":
			p.Msg = fmt.Sprintf("not YAML: found character %q that cannot start any token", characterAt(data, p.Pos))
		case e.Message == errDepth.Error():
			p.Msg = e.Message
		case e.ContextMsg != "":
			p.Msg = "not YAML: " + e.Message + " " + e.ContextMsg
		default:
			p.Msg = "not YAML: " + e.Message
		}
	}
	p.Hint = syntaxHint(p.Msg, lineOf(data, p.Pos.Line))
	// The library's message names the anchor, which may be a password that begins with *.
	if strings.Contains(p.Msg, "unknown anchor") {
		p.Msg = "not YAML: unknown anchor referenced"
	}
	return Problems{p}
}

func characterAt(data []byte, at Pos) rune {
	for line := 1; line < at.Line; line++ {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	for col := 1; col < at.Col && len(data) > 0; col++ {
		_, n := utf8.DecodeRune(data)
		data = data[n:]
	}
	c, _ := utf8.DecodeRune(data)
	return c
}

// unreadable returns the position and a description of the first byte that is not UTF-8, or the first control
// character that YAML does not allow (YAML 1.2, section 5.1). The description is "" if the text has neither.
func unreadable(file string, data []byte) (at Pos, what string) {
	at = Pos{file, 1, 1}
	for len(data) > 0 {
		c, n := utf8.DecodeRune(data)
		switch {
		case c == utf8.RuneError && n == 1:
			return at, fmt.Sprintf("the byte %#x is no UTF-8", data[0])
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
			return at, fmt.Sprintf("the control character %U is not allowed", c)
		case c == '\n':
			at.Line, at.Col = at.Line+1, 0
		}
		at.Col++
		data = data[n:]
	}
	return at, ""
}
