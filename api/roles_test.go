package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
)

// operations is written by hand, independent of the server's own table: the least role that each operation needs, ""
// for every user.
var operations = map[string]auth.Role{
	"GET /healthz": "", "GET /readyz": "",

	"GET /mp4": auth.View, "GET /mp4/openapi.json": auth.View, "GET /mp4/list": auth.View, "GET /mp4/streams": auth.View, "GET /mp4/status/a": auth.View,
	"GET /mp4/events": auth.View, "GET /mp4/records": auth.View, "GET /mp4/records/x": auth.View, "GET /mp4/vod": auth.View, "GET /mp4/vod/a.mp4": auth.View,
	"GET /mp4/schedule": auth.View, "GET /mp4/coverage": auth.View, "GET /mp4/play/a": auth.View, "GET /mp4/hls/a": auth.View, "GET /mp4/timeline/a": auth.View, "GET /mp4/frame/a": auth.View, "GET /mp4/connections": auth.View, "GET /mp4/pipelines": auth.View, "GET /mp4/pipelines/x": auth.View, "GET /mp4/retention": auth.View, "GET /mp4/health": auth.View,
	"GET /metrics": auth.View, "GET /": auth.View, "GET /ui/app.js": auth.View, "GET /ui/timeline.js": auth.View, "GET /ui/watch.js": auth.View, "GET /ui/style.css": auth.View, "GET /ui/icon.svg": auth.View,

	"POST /mp4/start/a": auth.Control, "POST /mp4/stop/a": auth.Control, "POST /mp4/event/a": auth.Control, "PATCH /mp4/records/x": auth.Control,
	"POST /mp4/pipelines/x/start": auth.Control, "POST /mp4/pipelines/x/stop": auth.Control, "POST /mp4/pipelines/x/drain": auth.Control,

	"POST /whip/a": auth.Control, "PATCH /whip/a": auth.Control, "DELETE /whip/a": auth.Control,
	"POST /whep/a": auth.View, "PATCH /whep/a": auth.View, "DELETE /whep/a": auth.View,

	"GET /mp4/live/a": auth.View, "DELETE /mp4/connections/x": auth.Control,

	"DELETE /mp4/records": auth.Admin, "DELETE /mp4/records/x": auth.Admin, "DELETE /mp4/streams/a": auth.Admin, "POST /mp4/reload": auth.Admin, "POST /mp4/retention/confirm": auth.Admin,

	"GET /mp4/export": auth.View, "GET /mp4/export/x": auth.View, "GET /mp4/export/x/y": auth.View, "POST /mp4/export": auth.Control, "DELETE /mp4/export/x": auth.Control,

	"PUT /mp4/pipelines/x": auth.Declare, "DELETE /mp4/pipelines/x": auth.Declare,
}

// TestEveryOperationOfEveryRole requests each operation as each caller. A refusal by role is 401 or 403; any other
// status means that the operation was reached.
func TestEveryOperationOfEveryRole(t *testing.T) {
	const controlToken, declareToken, bothToken = "control-0123456789abcdef", "declare-0123456789abcdef", "control-declare-0123456789abcdef"
	s := newFixture(t).server((&board{}).into, func(c *Config, _ *Deps) {
		c.Auth = auth.Config{Tokens: []auth.Token{
			{Token: viewToken, Roles: []auth.Role{auth.View}}, {Token: controlToken, Roles: []auth.Role{auth.Control}}, {Token: adminToken, Roles: []auth.Role{auth.Admin}},
			{Token: declareToken, Roles: []auth.Role{auth.Declare}}, {Token: bothToken, Roles: []auth.Role{auth.Control, auth.Declare}},
		}}
	})
	callers := []struct {
		token string
		may   []auth.Role
	}{
		{"", []auth.Role{""}},
		{viewToken, []auth.Role{"", auth.View}},
		{controlToken, []auth.Role{"", auth.View, auth.Control}},
		{adminToken, []auth.Role{"", auth.View, auth.Control, auth.Admin}},
		{declareToken, []auth.Role{"", auth.View, auth.Declare}},
		{bothToken, []auth.Role{"", auth.View, auth.Control, auth.Declare}},
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

// TestTheMapOfOperationsIsComplete: a new route must be added to it by hand.
func TestTheMapOfOperationsIsComplete(t *testing.T) {
	examples := strings.NewReplacer("*stream_path", "a", "*filename", "a.mp4", "*file", "a", ":id", "x", ":name", "x", ":file", "y")
	seen := map[string]bool{}
	for _, rt := range routes() {
		op := rt.method + " " + examples.Replace(rt.path)
		require.Contains(t, operations, op, "the operation has no role in the table")
		seen[op] = true
	}
	for op := range operations {
		require.True(t, seen[op], "%s is no route", op)
	}
}
