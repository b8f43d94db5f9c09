package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/gospool/spool/api/openapi"
	"github.com/gospool/spool/api/params"
)

// document returns the OpenAPI 3.1 document of the route table as JSON.
func document(cfg Config, table []route) ([]byte, error) {
	types := openapi.Schemas{}
	types.Of(reflect.TypeFor[errorAnswer]())
	paths := openapi.Object{}
	for i := range table {
		rt := &table[i]
		at, _ := paths[rt.template()].(openapi.Object)
		if at == nil {
			at = openapi.Object{}
			paths[rt.template()] = at
		}
		at[strings.ToLower(rt.method)] = rt.operation(types, cfg.Auth.Open())
	}
	components := openapi.Object{"schemas": types}
	if !cfg.Auth.Open() {
		components["securitySchemes"] = openapi.Object{
			"basic":  openapi.Object{"type": "http", "scheme": "basic"},
			"bearer": openapi.Object{"type": "http", "scheme": "bearer"},
		}
	}
	return json.Marshal(openapi.Object{
		"openapi": "3.1.0",
		"info": openapi.Object{"title": cfg.Name, "version": cfg.Version, "license": openapi.Object{"name": "MIT", "identifier": "MIT"},
			"description": "Recording of live streams. GET answers HEAD as well. Parameters marked x-slashes hold slashes as they are."},
		"servers":    []any{openapi.Object{"url": ".."}}, // relative to the document, which a proxy may serve below a path
		"paths":      paths,
		"components": components,
	})
}

// operation returns the OpenAPI operation of a route. It adds the schemas that the operation refers
// to to types. open reports that no authentication is configured.
func (rt *route) operation(types openapi.Schemas, open bool) openapi.Object {
	op := openapi.Object{"operationId": rt.op, "summary": rt.summary, "responses": rt.responses(types)}
	if rt.about != "" {
		op["description"] = rt.about
	}
	if p := rt.parameters(); len(p) > 0 {
		op["parameters"] = p
	}
	if rt.body != nil {
		content := jsonContent(types.Of(reflect.TypeOf(rt.body)))
		if rt.yaml {
			content["application/yaml"] = openapi.Object{"schema": openapi.Object{"type": "string"}}
		}
		op["requestBody"] = openapi.Object{"required": true, "content": content}
	}
	if rt.bodyMedia != "" {
		op["requestBody"] = openapi.Object{"required": true, "content": textContent(rt.bodyMedia)}
	}
	op["security"] = []any{}
	if rt.role != "" {
		op["x-role"] = rt.role
		if !open {
			op["security"] = []any{openapi.Object{"basic": []any{}}, openapi.Object{"bearer": []any{}}}
		}
	}
	return op
}

func (rt *route) responses(types openapi.Schemas) openapi.Object {
	refused := jsonContent(openapi.Object{"$ref": "#/components/schemas/ErrorAnswer"})
	out := openapi.Object{
		"4XX":     openapi.Object{"description": "the request is refused, with the reason", "content": refused},
		"default": openapi.Object{"description": "an error", "content": refused},
	}
	ok := openapi.Object{"description": "done"}
	switch {
	case rt.answer != nil:
		ok["content"] = jsonContent(types.Of(reflect.TypeOf(rt.answer)))
	case rt.media == "application/json":
		ok["content"] = jsonContent(openapi.Object{"type": "object"})
	default:
		ok["content"] = openapi.Object{rt.media: openapi.Object{"schema": openapi.Object{"type": "string", "format": "binary"}}}
	}
	out[strconv.Itoa(cmp.Or(rt.status, http.StatusOK))] = ok
	for _, code := range rt.codes {
		out[strconv.Itoa(code)] = openapi.Object{"description": strings.ToLower(http.StatusText(code)), "content": refused}
	}
	for code, value := range rt.others {
		out[strconv.Itoa(code)] = openapi.Object{"description": strings.ToLower(http.StatusText(code)), "content": jsonContent(types.Of(reflect.TypeOf(value)))}
	}
	if rt.media == "video/mp4" || rt.media == "application/octet-stream" {
		out["206"] = openapi.Object{"description": "the ranges that were asked for", "content": ok["content"]}
		out["304"] = openapi.Object{"description": "the client's copy is the file"}
		out["412"] = openapi.Object{"description": "the file is not the one that was meant"}
	}
	return out
}

func (rt *route) parameters() []any {
	var out []any
	for seg := range strings.SplitSeq(rt.path, "/") {
		if seg == "" || seg[0] != ':' && seg[0] != '*' {
			continue
		}
		p := openapi.Object{"name": seg[1:], "in": "path", "required": true, "schema": openapi.Object{"type": "string"}}
		if seg[0] == '*' {
			p["x-slashes"] = true
		}
		out = append(out, p)
	}
	for _, q := range rt.query {
		p := openapi.Object{"name": q.Name, "in": "query", "schema": paramSchema(q)}
		if q.Doc != "" {
			p["description"] = q.Doc
		}
		out = append(out, p)
	}
	return out
}

func paramSchema(p params.Param) openapi.Object {
	switch p.Kind {
	case params.Flag:
		return openapi.Object{"type": "boolean"}
	case params.Integer:
		n, _ := strconv.Atoi(p.Def) // the route table has only defaults that are numbers
		return openapi.Object{"type": "integer", "minimum": 1, "maximum": p.Max, "default": n}
	}
	s := openapi.Object{"type": "string"}
	if p.Enum != nil {
		s["enum"] = p.Enum
	}
	if p.Def != "" {
		s["default"] = p.Def
	}
	return s
}

func textContent(media string) openapi.Object {
	return openapi.Object{media: openapi.Object{"schema": openapi.Object{"type": "string"}}}
}

func jsonContent(schema openapi.Object) openapi.Object {
	return openapi.Object{"application/json": openapi.Object{"schema": schema}}
}

func (s *Server) openAPI(w http.ResponseWriter, _ *request) error {
	document, err := s.document()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-cache")
	answer(w, http.StatusOK, json.RawMessage(document))
	return nil
}
