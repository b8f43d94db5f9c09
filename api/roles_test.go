package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operations is written by hand, and by nobody else's table: the least role that each
// operation takes, "" for everybody.
var operations = map[string]Role{
	"GET /healthz": "", "GET /readyz": "",

	"GET /mp4/": View, "GET /mp4/openapi.json": View, "GET /mp4/list": View, "GET /mp4/streams": View, "GET /mp4/status/a": View,
	"GET /mp4/events": View, "GET /mp4/records": View, "GET /mp4/records/x": View, "GET /mp4/vod": View, "GET /mp4/vod/a.mp4": View,
	"GET /mp4/schedule": View, "GET /mp4/pipelines": View, "GET /mp4/pipelines/x": View, "GET /mp4/retention": View, "GET /mp4/health": View,
	"GET /metrics": View, "GET /": View, "GET /ui/app.js": View, "GET /ui/timeline.js": View, "GET /ui/style.css": View, "GET /ui/icon.svg": View,

	"POST /mp4/start/a": Control, "POST /mp4/stop/a": Control, "POST /mp4/event/a": Control, "PATCH /mp4/records/x": Control,
	"POST /mp4/pipelines/x/start": Control, "POST /mp4/pipelines/x/stop": Control, "POST /mp4/pipelines/x/drain": Control,

	"DELETE /mp4/records": Admin, "DELETE /mp4/records/x": Admin, "PUT /mp4/pipelines/x": Admin, "DELETE /mp4/pipelines/x": Admin,
	"POST /mp4/reload": Admin, "POST /mp4/retention/confirm": Admin,
}

// TestEveryOperationOfEveryRole asks for each operation as each caller. A refusal by role
// is 401 or 403; anything else means that the operation was reached.
func TestEveryOperationOfEveryRole(t *testing.T) {
	const controlToken = "control-0123456789abcdef"
	s := newWorld(t).server((&board{}).into, func(c *Config, _ *Deps) {
		c.Auth = Auth{Tokens: []Token{
			{Token: viewToken, Roles: []Role{View}}, {Token: controlToken, Roles: []Role{Control}}, {Token: adminToken, Roles: []Role{Admin}},
		}}
	})
	callers := []struct {
		token string
		may   []Role
	}{
		{"", []Role{""}},
		{viewToken, []Role{"", View}},
		{controlToken, []Role{"", View, Control}},
		{adminToken, []Role{"", View, Control, Admin}},
	}
	for op, least := range operations {
		method, path, _ := strings.Cut(op, " ")
		methods := []string{method}
		if method == "GET" {
			methods = append(methods, "HEAD")
		}
		for _, method := range methods {
			for _, c := range callers {
				var header []string
				refused := 401
				if c.token != "" {
					header, refused = []string{"Authorization", "Bearer " + c.token}, 403
				}
				code := do(s, method, path, "", header...).code
				allowed := code != 401 && code != 403
				may := false
				for _, r := range c.may {
					may = may || r == least
				}
				require.Equal(t, may, allowed, "%s %s as %.7q: %d", method, path, c.token, code)
				if !may {
					require.Equal(t, refused, code, "%s %s", method, path)
				}
				require.NotEqual(t, 405, code, "%s %s is no operation", method, path)
			}
		}
	}
}

// TestTheMapOfOperationsIsWhole: a new route must be added to it by hand.
func TestTheMapOfOperationsIsWhole(t *testing.T) {
	examples := strings.NewReplacer("*stream_path", "a", "*filename", "a.mp4", ":id", "x", ":name", "x")
	seen := map[string]bool{}
	for _, rt := range routes() {
		op := rt.method + " " + examples.Replace(rt.path)
		require.Contains(t, operations, op, "say who may do this")
		seen[op] = true
	}
	for op := range operations {
		require.True(t, seen[op], "%s is no route", op)
	}
}
