// Package body decodes the JSON bodies of requests. Its errors are for clients: they name the wrong field
// and describe values in the terms of JSON and not of Go.
package body

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// Error is the error of a body that is not the JSON object that the request takes. Its text is for the
// client.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Read decodes a body, which must be a single JSON object without unknown fields, into the struct that
// into points to. If reading from from fails, it returns that error. Any other error is an *Error.
func Read(from io.Reader, into any) error {
	in := &source{from: from}
	dec := json.NewDecoder(in)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF && in.err == nil {
			err = wrong("the body must be a single JSON object, and more follows it")
		}
	}
	if in.err != nil {
		return in.err
	}
	return described(err, reflect.TypeOf(into).Elem())
}

// source reads from from and keeps its error, because json.Decoder may return a different error.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// described converts an error of json.Decoder to an *Error that describes the fault in the terms of JSON.
// It returns nil for nil. t is the type of the struct that the body was decoded into.
func described(err error, t reflect.Type) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return wrong("the body is empty: it must be a JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return wrong("the body ends before its JSON object does")
	case errors.As(err, &syntax):
		return wrong("the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return wrong("the body must be a JSON object, not %s", found(kind.Value))
	case errors.As(err, &kind):
		return wrong("the body's field %q must be %s, not %s", kind.Field, wanted(kind.Type), found(kind.Value))
	}
	// encoding/json has no type for the error of an unknown field.
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if name, err := strconv.Unquote(quoted); err == nil {
			return wrong("the body has an %s", unknown(name, t))
		}
	}
	if already := (*Error)(nil); errors.As(err, &already) {
		return err
	}
	return wrong("the body is not the JSON object that is wanted: %v", err)
}

// unknown returns the text of the error for a field that a struct of type t and the structs in it lack.
func unknown(name string, t reflect.Type) string {
	text := config.Unknown("field", name, fields(t, true))
	if strings.HasSuffix(text, "?") { // the text suggests a field of a similar name
		return text
	}
	return text + "; it may have " + strings.Join(fields(t, false), ", ")
}

// fields returns the sorted JSON names of the fields of the struct t. With deep it adds the names in
// those fields that are structs themselves.
func fields(t reflect.Type, deep bool) (names []string) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		names = append(names, name)
		if deep && f.Type.Kind() == reflect.Struct {
			names = append(names, fields(f.Type, deep)...)
		}
	}
	slices.Sort(names)
	return names
}

// wanted returns the words for the JSON values that can be decoded into a type.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number"
}

// found returns the words for a JSON value in the text of an error. value is the description by
// encoding/json: the kind of the value, such as bool, or the word number and the digits.
func found(value string) string {
	kind, number, _ := strings.Cut(value, " ")
	switch {
	case kind == "bool":
		return "true or false"
	case kind == "array", kind == "object":
		return "an " + kind
	case number != "":
		return "the number " + number
	}
	return "a " + kind
}
