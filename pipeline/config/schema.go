package config

import (
	"encoding"
	"reflect"
	"strings"
)

// Schema returns a JSON Schema (2020-12) of the values that Decode accepts for the type of v. v provides the
// defaults. node returns the schema of a field of type *Node by its path, in which * stands for the keys of
// maps and the indexes of lists; if it returns nil, the field accepts any value.
//
// The schema does not include the checks of hooks (Validate, Check), so Decode refuses some values that the schema
// accepts.
func Schema(v any, node func(path string) map[string]any) map[string]any {
	s := schemer{node: node}
	return s.of(reflect.ValueOf(v), reflect.TypeOf(v), "", "")
}

type schemer struct {
	node func(path string) map[string]any
}

// of returns the schema of the type t. v is the default value, or an invalid Value if there is no default. path
// and tag are those of the setting.
func (s schemer) of(v reflect.Value, t reflect.Type, path string, tag reflect.StructTag) map[string]any {
	switch {
	case t.Kind() == reflect.Pointer && t.Elem() != nodeType:
		if v.IsValid() && !v.IsNil() {
			return s.of(v.Elem(), t.Elem(), path, tag)
		}
		return s.of(reflect.Value{}, t.Elem(), path, tag)
	case t == nodeType, t.Kind() == reflect.Pointer:
		if n := s.node(path); n != nil {
			return n
		}
		return map[string]any{}
	case t == durationType || t == timeDurationType:
		return numberOrText(durationPattern, tag.Get("config") != "signed")
	case t == sizeType:
		return numberOrText(sizePattern, true)
	case reflect.PointerTo(t).Implements(hideTakerType):
		if t == urlsType {
			return map[string]any{"type": []any{"string", "array", "null"}, "items": map[string]any{"type": "string"}}
		}
		if _, text := reflect.New(t).Interface().(encoding.TextUnmarshaler); text {
			return map[string]any{"type": []any{"string", "null"}}
		}
		return map[string]any{"type": []any{"array", "null"}, "items": map[string]any{"type": "string"}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return map[string]any{} // the type has a form of its own, which may be text
	}
	return s.plain(v, t, path, tag)
}

// The regular expressions (ECMA-262) of the texts that ParseDuration and ParseSize accept.
const (
	numberPattern   = `[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)`
	durationPattern = `^\s*(` + numberPattern + `([eE][-+]?[0-9]+)?|[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)?\s*$`
	sizePattern     = `^\s*(` + numberPattern + `([eE][-+]?[0-9]+)?\s*([KkMmGgTt][Ii]?)?[Bb]?)?\s*$`
)

// numberOrText returns the schema of a duration or a size, which is a number or a text. pattern is the regular
// expression of the text. With positive set, the number must not be negative.
func numberOrText(pattern string, positive bool) map[string]any {
	s := map[string]any{"type": []any{"number", "string", "null"}, "pattern": pattern}
	if positive {
		s["minimum"] = 0
	}
	return s
}

// plain returns the schema of the type t by its kind. t is not one of the types that are written as texts, such as
// Duration. The schema accepts null, which stands for a setting that is not written. A type any accepts each value.
func (s schemer) plain(v reflect.Value, t reflect.Type, path string, tag reflect.StructTag) map[string]any {
	switch t.Kind() {
	case reflect.Struct:
		return s.structure(v, t, path)
	case reflect.Map:
		item := s.of(defaults(t.Elem()), t.Elem(), Join(path, "*"), tag)
		return map[string]any{"type": []any{"object", "null"}, "additionalProperties": item}
	case reflect.Slice:
		item := s.of(defaults(t.Elem()), t.Elem(), Join(path, "*"), tag)
		return map[string]any{"type": []any{"array", "null"}, "items": item}
	case reflect.Interface:
		return map[string]any{}
	case reflect.Bool:
		return map[string]any{"type": []any{"boolean", "null"}}
	case reflect.String:
		return choice(tag)
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": []any{"number", "null"}}
	}
	return whole(t)
}

// defaults returns the default value of a new element of a map or a list, or an invalid Value if the element is a
// pointer.
func defaults(t reflect.Type) reflect.Value {
	if t.Kind() == reflect.Pointer {
		return reflect.Value{}
	}
	return fresh(t)
}

func choice(tag reflect.StructTag) map[string]any {
	names := strings.Fields(tag.Get("oneof"))
	if len(names) == 0 {
		s := map[string]any{"type": []any{"string", "null"}}
		if pattern := tag.Get("pattern"); pattern != "" {
			s["pattern"] = pattern
		}
		return s
	}
	enum := []any{"", nil}
	for _, name := range names {
		enum = append(enum, name)
	}
	return map[string]any{"enum": enum}
}

func whole(t reflect.Type) map[string]any {
	s := map[string]any{"type": []any{"integer", "null"}}
	switch t.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		s["minimum"], s["maximum"] = 0, uint64(1)<<t.Bits()-1
	case reflect.Uint, reflect.Uint64:
		s["minimum"] = 0
	}
	return s
}

func (s schemer) structure(v reflect.Value, t reflect.Type, path string) map[string]any {
	fields := fieldsOf(t)
	if len(fields) == 0 && t.NumField() > 0 {
		return map[string]any{} // the struct has a form of its own
	}
	properties := map[string]any{}
	for _, f := range fields {
		var value reflect.Value
		if v.IsValid() {
			value = f.in(v)
		}
		at := Join(path, f.name)
		properties[f.name] = s.annotated(s.of(value, f.typeIn(t), at, f.tag), value, f)
	}
	types := []any{"object", "null"}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[Shorthand]()) {
		types = append(types, "string") // the properties do not apply to a text
	}
	return map[string]any{"type": types, "properties": properties, "additionalProperties": false}
}

// annotated adds to the schema the annotations that an editor shows: the description of the setting f, and the
// default v if that is a scalar.
func (s schemer) annotated(schema map[string]any, v reflect.Value, f field) map[string]any {
	if doc := f.tag.Get("doc"); doc != "" {
		schema["description"] = doc
	}
	if !v.IsValid() || schema["properties"] != nil || schema["additionalProperties"] != nil {
		return schema
	}
	if n, _ := Describe(v.Interface()); !n.IsMap && !n.IsList && n.Scalar != nil && n.Scalar != "" {
		schema["default"] = n.Scalar
	}
	return schema
}
