// Package openapi generates the JSON Schema of Go types for an OpenAPI 3.1 document.
package openapi

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// Object is a JSON object. encoding/json writes its keys in sorted order, so that the document is the
// same in each build.
type Object = map[string]any

// Schemas collects the JSON Schemas (draft 2020-12, as OpenAPI 3.1 requires) of the structs that Of has
// seen, by type name.
type Schemas Object

// Of returns the JSON Schema of the values that encoding/json writes for a type. For a struct it
// returns a reference, and adds the schema of the struct to s. It panics for a kind of type that no
// answer uses yet.
func (s Schemas) Of(t reflect.Type) Object {
	switch t.Kind() {
	case reflect.Pointer:
		return s.Of(t.Elem())
	case reflect.Struct:
		return s.reference(t)
	case reflect.Slice:
		return Object{"type": "array", "items": s.Of(t.Elem())}
	case reflect.Map:
		return Object{"type": "object"}
	case reflect.Bool:
		return Object{"type": "boolean"}
	case reflect.String:
		return Object{"type": "string"}
	case reflect.Float64:
		return Object{"type": "number", "format": "double"}
	case reflect.Int, reflect.Int64:
		return Object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return Object{"type": "integer", "format": "int64", "minimum": 0}
	}
	// api.New calls Of for all routes, so that any test of the API finds a missing kind.
	panic(fmt.Sprintf("api: no schema for %v", t))
}

// reference adds the schema of a struct to s, unless it is there already, and returns a reference to
// it.
func (s Schemas) reference(t reflect.Type) Object {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	ref := Object{"$ref": "#/components/schemas/" + name}
	if _, done := s[name]; done {
		return ref
	}
	properties, required := Object{}, []string{}
	s[name] = nil // a struct that contains itself ends here
	s.fields(t, properties, &required)
	def := Object{"type": "object", "properties": properties}
	if len(required) > 0 {
		def["required"] = required
	}
	s[name] = def
	return ref
}

// lists replaces {drop_causes} in a doc tag by the list of these causes.
var lists = strings.NewReplacer("{drop_causes}", media.DescribeDrops())

// fields adds the schemas of a struct's fields to properties, and the names of the fields without
// omitempty to required. The fields of an embedded struct count as fields of the struct. The struct
// tags format, enum and doc give the format, the possible values and the description of a field.
func (s Schemas) fields(t reflect.Type, properties Object, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		p := s.Of(f.Type)
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
