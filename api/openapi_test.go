package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// openAPI holds the parts of the document that the tests read.
type openAPI struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Required bool
			Slashes  bool `json:"x-slashes"`
			Schema   schemaDoc
		}
		RequestBody *struct{ Content map[string]mediaDoc }
		Responses   map[string]struct{ Content map[string]mediaDoc }
	}
	Components struct{ Schemas map[string]schemaDoc }
}

type mediaDoc struct{ Schema schemaDoc }

type schemaDoc struct {
	Ref        string `json:"$ref"`
	Type       any
	Format     string
	Enum       []string
	Items      *schemaDoc
	Properties map[string]schemaDoc
	Required   []string

	Description string
}

func readDocument(t *testing.T, s *Server) (doc openAPI) {
	t.Helper()
	r := do(s, "GET", "/mp4/openapi.json", "")
	require.Equal(t, 200, r.code)
	require.NoError(t, json.Unmarshal([]byte(r.body), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	return doc
}

// The document describes every cause of a drop that an answer may name, and its unit.
func TestDocumentDescribesEveryCauseOfADrop(t *testing.T) {
	described := readDocument(t, newFixture(t).server()).Components.Schemas["Drop"].Properties["cause"].Description
	require.NotEmpty(t, media.DropCauses)
	for _, c := range media.DropCauses {
		require.Regexp(t, `[ ,]`+c.Word+` \(([^)]+; )?`+regexp.QuoteMeta(c.Doc)+`\)`, described)
	}
	require.Contains(t, described, "rtp_loss (packets; ")
}

// The document names exactly the routes of the router.
func TestDocumentEqualsRoutes(t *testing.T) {
	s := newFixture(t).server()
	doc := readDocument(t, s)
	named := map[string]bool{}
	for path, ops := range doc.Paths {
		example := strings.NewReplacer("{stream_path}", "a/b", "{filename}", "a/b.mp4", "{id}", "x").Replace(path)
		for method := range ops {
			method = strings.ToUpper(method)
			named[method+" "+path] = true
			handle, _, _ := s.router.Lookup(method, example)
			require.NotNil(t, handle, "%s %s is not answered", method, path)
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			handle, _, _ := s.router.Lookup(method, example)
			require.Equal(t, handle != nil, named[method+" "+path], "%s %s", method, path)
		}
		get, _, _ := s.router.Lookup("GET", example)
		head, _, _ := s.router.Lookup("HEAD", example)
		require.Equal(t, get != nil, head != nil, path)
	}
	for i := range s.table {
		require.True(t, named[s.table[i].method+" "+s.table[i].template()], s.table[i].path)
	}
	require.Len(t, named, len(s.table))
}

func TestDocumentIsComplete(t *testing.T) {
	doc := readDocument(t, newFixture(t).server())
	var ids []string
	for path, ops := range doc.Paths {
		for _, op := range ops {
			ids = append(ids, op.OperationID)
			for _, p := range op.Parameters {
				require.Equal(t, p.In == "path", strings.Contains(path, "{"+p.Name+"}"), path)
				require.Equal(t, p.In == "path", p.Required)
			}
			require.Contains(t, op.Responses, "default")
		}
	}
	slices.Sort(ids)
	require.Equal(t, slices.Compact(slices.Clone(ids)), ids, "an operation's name is there twice")
	require.NotContains(t, ids, "")
	for name, s := range doc.Components.Schemas {
		require.NoError(t, closed(doc, s), name)
	}
}

// closed returns an error for a reference without a target.
func closed(doc openAPI, s schemaDoc) error {
	if s.Ref != "" {
		if _, ok := doc.Components.Schemas[refName(s.Ref)]; !ok {
			return fmt.Errorf("%s is not there", s.Ref)
		}
		return nil
	}
	if s.Items != nil {
		return closed(doc, *s.Items)
	}
	for _, p := range s.Properties {
		if err := closed(doc, p); err != nil {
			return err
		}
	}
	return nil
}

func refName(ref string) string { return strings.TrimPrefix(ref, "#/components/schemas/") }

func TestEveryAnswerHasAStatus(t *testing.T) {
	doc := readDocument(t, newFixture(t).server())
	for path, ops := range doc.Paths {
		for method, op := range ops {
			ref := op.Responses["200"].Content["application/json"].Schema.Ref
			if ref == "" {
				continue // it is no JSON, or the document itself
			}
			schema := doc.Components.Schemas[refName(ref)]
			require.Contains(t, schema.Required, "status", "%s %s", method, path)
			require.NotEmpty(t, schema.Properties["status"].Enum, "%s %s", method, path)
		}
	}
}

// Real answers conform to the document: every key is described and has its type, and no required key is missing.
func TestAnswersConformToTheDocument(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "live/camera01")
	w.add(2, "live/camera01", func(r *media.Record) { r.Gap.Cause, r.EndUTC = "overload", 0 })
	w.list = []media.StreamInfo{{Path: "live/camera01", State: "live", Tracks: rec.Tracks}}
	w.ready = []Check{{Name: "disk", OK: true, Detail: "x"}}
	s, sick := w.server(), w.server(func(_ *Config, d *Deps) {
		d.Ready = func(context.Context) []Check { return []Check{{Name: "disk", Detail: "full"}} }
	})
	doc := readDocument(t, s)
	for _, c := range []struct{ method, target, path, body string }{
		{"GET", "/mp4", "/mp4", ""},
		{"GET", "/mp4/", "/mp4", ""},
		{"POST", "/mp4/start/live/camera01", "/mp4/start/{stream_path}", ""},
		{"GET", "/mp4/status/live/camera01", "/mp4/status/{stream_path}", ""},
		{"GET", "/mp4/list", "/mp4/list", ""},
		{"GET", "/mp4/streams", "/mp4/streams", ""},
		{"POST", "/mp4/stop/live/camera01", "/mp4/stop/{stream_path}", ""},
		{"GET", "/mp4/records?limit=1", "/mp4/records", ""},
		{"GET", "/mp4/records", "/mp4/records", ""},
		{"GET", "/mp4/records/" + rec.ID.String(), "/mp4/records/{id}", ""},
		{"PATCH", "/mp4/records/" + rec.ID.String(), "/mp4/records/{id}", `{"protected":false}`},
		{"DELETE", "/mp4/records?start=5&end=9e&dry_run=true", "/mp4/records", ""},
		{"DELETE", "/mp4/records?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z&dry_run=true", "/mp4/records", ""},
		{"GET", "/mp4/vod", "/mp4/vod", ""},
		{"DELETE", "/mp4/records/" + rec.ID.String(), "/mp4/records/{id}", ""},
		{"GET", "/mp4/records/" + rec.ID.String(), "/mp4/records/{id}", ""},
		{"GET", "/mp4/vod/none.mp4", "/mp4/vod/{filename}", ""},
		{"GET", "/readyz", "/readyz", ""},
		{"GET", "/readyz", "/readyz", "sick"},
	} {
		s := s
		if c.body == "sick" {
			s, c.body = sick, ""
		}
		r := do(s, c.method, c.target, c.body, "Content-Type", "application/json")
		responses := doc.Paths[c.path][strings.ToLower(c.method)].Responses
		want, ok := responses[fmt.Sprint(r.code)]
		if !ok {
			want = responses["default"]
		}
		var value any
		require.NoError(t, json.Unmarshal([]byte(r.body), &value), c.target)
		require.NoError(t, fits(doc, want.Content["application/json"].Schema, value, "answer"), "%s %s: %s", c.method, c.target, r.body)
	}
}

func fits(doc openAPI, s schemaDoc, v any, at string) error {
	if s.Ref != "" {
		return fits(doc, doc.Components.Schemas[refName(s.Ref)], v, at)
	}
	kinds, ok := s.Type.([]any)
	if !ok {
		kinds = []any{s.Type}
	}
	if kind := jsonKind(v); !slices.Contains(kinds, any(kind)) && !(kind == "integer" && slices.Contains(kinds, any("number"))) {
		return fmt.Errorf("%s is %s, the document says %v", at, kind, kinds)
	}
	switch v := v.(type) {
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			return fmt.Errorf("%s is %q, the document says %v", at, v, s.Enum)
		}
	case []any:
		for i := range v {
			if err := fits(doc, *s.Items, v[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
		}
		for name, x := range v {
			p, ok := s.Properties[name]
			if !ok {
				return fmt.Errorf("%s.%s is not in the document", at, name)
			}
			if err := fits(doc, p, x, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func jsonKind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

func TestDocumentRequiresAuthOnlyWhereConfigured(t *testing.T) {
	_, s, _ := guarded(t)
	r := do(s, "GET", "/mp4/openapi.json", "", "Authorization", "Bearer "+viewToken)
	require.Equal(t, http.StatusOK, r.code)
	require.Contains(t, r.body, `"security":[{"basic"`)
	require.NotContains(t, do(newFixture(t).server(), "GET", "/mp4/openapi.json", "").body, `"security":[{`)
}

// These are rules of linters, such as redocly's recommended ones, checked without a linter: every operation names the
// role that it needs, has a summary and describes the answer to a bad request, and the document names its licence.
func TestDocumentLintsClean(t *testing.T) {
	_, guarded, _ := guarded(t)
	for _, r := range []reply{
		do(newFixture(t).server(), "GET", "/mp4/openapi.json", ""), do(guarded, "GET", "/mp4/openapi.json", "", "Authorization", "Bearer "+viewToken),
	} {
		var doc struct {
			Info struct {
				License struct{ Name, Identifier string }
			}
			Servers    []struct{ URL string }
			Components struct {
				SecuritySchemes map[string]any
			}
			Paths map[string]map[string]struct {
				Summary   string
				Security  *[]any
				Responses map[string]any
			}
		}
		require.NoError(t, json.Unmarshal([]byte(r.body), &doc))
		require.NotEmpty(t, doc.Info.License.Name)
		require.NotEmpty(t, doc.Info.License.Identifier)
		for path, ops := range doc.Paths {
			require.False(t, path != "/" && strings.HasSuffix(path, "/"), "%s ends with a slash", path)
			for method, op := range ops {
				require.NotEmpty(t, op.Summary, path)
				require.NotNil(t, op.Security, "%s %s: security", method, path)
				require.Contains(t, op.Responses, "4XX", "%s %s", method, path)
				if path == "/whip/{stream_path}" && method == "post" || path == "/whep/{stream_path}" && method == "post" {
					require.Contains(t, op.Responses, "201", "%s %s", method, path)
					continue
				}
				require.Contains(t, op.Responses, "200", "%s %s", method, path)
			}
		}
		require.Equal(t, "..", doc.Servers[0].URL)
		for name := range doc.Components.SecuritySchemes {
			require.True(t, strings.Contains(r.body, `"security":[{"basic":[]},{"bearer":[]}]`), "no operation uses the security scheme %s", name)
		}
	}
}
