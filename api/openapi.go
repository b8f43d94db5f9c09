package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// document writes the OpenAPI 3.1 document of the route table.
func document(cfg Config, table []route) ([]byte, error) {
	types := schemas{}
	types.of(reflect.TypeFor[errorAnswer]())
	paths := object{}
	for i := range table {
		rt := &table[i]
		at, _ := paths[rt.template()].(object)
		if at == nil {
			at = object{}
			paths[rt.template()] = at
		}
		at[strings.ToLower(rt.method)] = rt.operation(types, cfg.Auth.Open())
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{"title": cfg.Name, "version": cfg.Version,
			"description": "Recording of live streams. GET answers HEAD as well. Parameters marked x-slashes hold slashes as they are."},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": types,
			"securitySchemes": object{
				"basic":  object{"type": "http", "scheme": "basic"},
				"bearer": object{"type": "http", "scheme": "bearer"},
			},
		},
	})
}

// operation describes one row.
func (rt *route) operation(types schemas, open bool) object {
	op := object{"operationId": rt.op, "summary": rt.summary, "responses": rt.responses(types)}
	if p := rt.parameters(); len(p) > 0 {
		op["parameters"] = p
	}
	if rt.body != nil {
		content := jsonContent(types.of(reflect.TypeOf(rt.body)))
		if rt.yaml {
			content["application/yaml"] = object{"schema": object{"type": "string"}}
		}
		op["requestBody"] = object{"required": true, "content": content}
	}
	if rt.role != "" {
		op["x-role"] = rt.role
		if !open {
			op["security"] = []any{object{"basic": []any{}}, object{"bearer": []any{}}}
		}
	}
	return op
}

func (rt *route) responses(types schemas) object {
	refused := jsonContent(object{"$ref": "#/components/schemas/ErrorAnswer"})
	out := object{"default": object{"description": "an error", "content": refused}}
	ok := object{"description": "done"}
	switch {
	case rt.answer != nil:
		ok["content"] = jsonContent(types.of(reflect.TypeOf(rt.answer)))
	case rt.media == "application/json":
		ok["content"] = jsonContent(object{"type": "object"})
	default:
		ok["content"] = object{rt.media: object{"schema": object{"type": "string", "format": "binary"}}}
	}
	out["200"] = ok
	for _, code := range rt.codes {
		out[strconv.Itoa(code)] = object{"description": strings.ToLower(http.StatusText(code)), "content": refused}
	}
	for code, value := range rt.others {
		out[strconv.Itoa(code)] = object{"description": strings.ToLower(http.StatusText(code)), "content": jsonContent(types.of(reflect.TypeOf(value)))}
	}
	if rt.media == "video/mp4" {
		out["206"] = object{"description": "the ranges that were asked for", "content": ok["content"]}
		out["304"] = object{"description": "the client's copy is the file"}
		out["412"] = object{"description": "the file is not the one that was meant"}
	}
	return out
}

func (rt *route) parameters() []any {
	var out []any
	for seg := range strings.SplitSeq(rt.path, "/") {
		if seg == "" || seg[0] != ':' && seg[0] != '*' {
			continue
		}
		p := object{"name": seg[1:], "in": "path", "required": true, "schema": object{"type": "string"}}
		if seg[0] == '*' {
			p["x-slashes"] = true
		}
		out = append(out, p)
	}
	for _, q := range rt.query {
		p := object{"name": q.name, "in": "query", "schema": q.schema()}
		if q.doc != "" {
			p["description"] = q.doc
		}
		out = append(out, p)
	}
	return out
}

func (p param) schema() object {
	switch p.kind {
	case flag:
		return object{"type": "boolean"}
	case integer:
		n, _ := strconv.Atoi(p.def) // the table's own
		return object{"type": "integer", "minimum": 1, "maximum": p.max, "default": n}
	}
	s := object{"type": "string"}
	if p.enum != nil {
		s["enum"] = p.enum
	}
	if p.def != "" {
		s["default"] = p.def
	}
	return s
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func (s *Server) openAPI(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Cache-Control", "no-cache")
	answer(w, http.StatusOK, json.RawMessage(s.doc))
	return nil
}
