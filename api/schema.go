package api

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// object is a JSON object of the OpenAPI document; it is written with its keys
// in order.
type object = map[string]any

// schemas describes Go types as JSON Schema (2020-12, which OpenAPI 3.1 uses),
// the named structs once, by name.
type schemas object

// of is the schema of a type as encoding/json writes it.
func (s schemas) of(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float64:
		return object{"type": "number", "format": "double"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return object{"type": "integer", "format": "int64", "minimum": 0}
	}
	panic(fmt.Sprintf("api: no schema for %v", t)) // New runs this over the whole table: a test sees it
}

// reference describes a struct once and points to it.
func (s schemas) reference(t reflect.Type) object {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, done := s[name]; done {
		return ref
	}
	properties, required := object{}, []string{}
	s[name] = nil // ends a recursion
	s.fields(t, properties, &required)
	def := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		def["required"] = required
	}
	s[name] = def
	return ref
}

// lists are what the words in braces in a doc tag stand for: what is listed elsewhere.
var lists = strings.NewReplacer("{drop_causes}", media.DescribeDrops())

func (s schemas) fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		p := s.of(f.Type)
		if v := f.Tag.Get("format"); v != "" {
			p["format"] = v
		}
		if v := f.Tag.Get("enum"); v != "" {
			p["enum"] = strings.Split(v, ",")
		}
		if v := f.Tag.Get("doc"); v != "" {
			p["description"] = lists.Replace(v)
		}
		optional := strings.Contains(options, "omitempty")
		if f.Type.Kind() == reflect.Pointer && !optional {
			p["type"] = []any{p["type"], "null"}
		}
		if !optional {
			*required = append(*required, name)
		}
		properties[name] = p
	}
}
