package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operations is written by hand and not derived from the program: the role that each operation
// needs, "" for all callers.
var operations = map[string]string{
	"GET /healthz": "", "GET /readyz": "",

	"GET /": "view", "GET /ui/app.js": "view", "GET /ui/timeline.js": "view", "GET /ui/watch.js": "view", "GET /ui/style.css": "view", "GET /ui/icon.svg": "view",
	"GET /metrics": "view", "GET /mp4": "view", "GET /mp4/openapi.json": "view", "GET /mp4/health": "view", "GET /mp4/list": "view", "GET /mp4/streams": "view", "GET /mp4/coverage": "view", "GET /mp4/hls/{stream_path}": "view", "GET /mp4/timeline/{stream_path}": "view", "GET /mp4/frame/{stream_path}": "view", "GET /mp4/connections": "view",
	"GET /mp4/status/{stream_path}": "view", "GET /mp4/events": "view", "GET /mp4/records": "view", "GET /mp4/records/{id}": "view", "GET /mp4/vod": "view",
	"GET /mp4/play/{stream_path}": "view", "GET /mp4/vod/{filename}": "view", "GET /mp4/schedule": "view", "GET /mp4/retention": "view", "GET /mp4/pipelines": "view", "GET /mp4/pipelines/{name}": "view",

	"POST /mp4/start/{stream_path}": "control", "POST /mp4/stop/{stream_path}": "control", "POST /mp4/event/{stream_path}": "control", "PATCH /mp4/records/{id}": "control",
	"POST /mp4/pipelines/{name}/start": "control", "POST /mp4/pipelines/{name}/stop": "control", "POST /mp4/pipelines/{name}/drain": "control",

	"POST /whip/{stream_path}": "control", "PATCH /whip/{stream_path}": "control", "DELETE /whip/{stream_path}": "control",
	"POST /whep/{stream_path}": "view", "PATCH /whep/{stream_path}": "view", "DELETE /whep/{stream_path}": "view",

	"GET /mp4/live/{file}": "view", "DELETE /mp4/connections/{id}": "control",

	"DELETE /mp4/records": "admin", "DELETE /mp4/records/{id}": "admin", "DELETE /mp4/streams/{stream_path}": "admin", "POST /mp4/reload": "admin", "POST /mp4/retention/confirm": "admin",

	"GET /mp4/export": "view", "GET /mp4/export/{id}": "view", "GET /mp4/export/{id}/{file}": "view", "POST /mp4/export": "control", "DELETE /mp4/export/{id}": "control",

	"PUT /mp4/pipelines/{name}": "declare", "DELETE /mp4/pipelines/{name}": "declare",
}

// examples replaces the placeholders in paths by names that do not exist.
var examples = strings.NewReplacer("{stream_path}", "no/such", "{filename}", "no/such.mp4", "{id}", "01a2032a-fe89-7c4a-8354-0e8ff0e8ca8d", "{name}", "none", "{file}", "none.mp4")

// TestEveryOperationOfEveryRole sends each operation as each caller.
func TestEveryOperationOfEveryRole(t *testing.T) {
	t.Parallel()
	hash := hashed(t, "a long secret")
	config := "http:\n  auth:\n    users:\n"
	held := map[string][]string{
		"view": {"view"}, "control": {"view", "control"}, "admin": {"view", "control", "admin"}, "declare": {"view", "declare"},
		"control, declare": {"view", "control", "declare"}, "admin, declare": {"view", "control", "admin", "declare"},
	}
	token := func(roles string) string { return "a token of 16 characters for " + roles }
	name := strings.NewReplacer(", ", "-and-").Replace
	for roles := range held {
		config += fmt.Sprintf("      - {name: %s, password_hash: %q, roles: [%s]}\n", name(roles), hash, roles)
	}
	config += "    tokens:\n"
	for roles := range held {
		config += fmt.Sprintf("      - {token: %q, roles: [%s]}\n", token(roles), roles)
	}
	r := serveStatic(t, config)
	r.expect("sign-in failed", "an operator confirmed", "request not served") // the catalogue of a busy machine may answer too late
	r.everyOperationIsInTheMap(token("view"))
	type caller struct {
		what, authorization string
		may                 []string
		refused             []int
	}
	callers := []caller{
		{"nobody", "", nil, []int{401}},
		{"a wrong token", "Bearer a token of 16 characters for nothing", nil, []int{401}},
		{"an empty token", "Bearer ", nil, []int{401}},
		{"a wrong password", basic("admin", "a long guess"), nil, []int{401, 429}},
		{"an unknown name", basic("root", "a long secret"), nil, []int{401, 429}},
		{"no basic", "Basic !!!", nil, []int{401}},
		{"another scheme", "Digest username=admin", nil, []int{401}},
	}
	for roles, may := range held {
		callers = append(callers, caller{roles + " by token", "Bearer " + token(roles), may, []int{403}},
			caller{roles + " by password", basic(name(roles), "a long secret"), may, []int{403}})
	}
	for _, c := range callers {
		r.asks(c.what, c.authorization, func(role string, code int, what string) {
			if role == "" || slices.Contains(c.may, role) {
				require.NotContains(t, []int{401, 403, 405, 429}, code, what)
				return
			}
			require.Contains(t, c.refused, code, what)
		})
	}
}

// TestWithoutAuthAllCallersMayUseAllOperations uses a loopback address.
func TestWithoutAuthAllCallersMayUseAllOperations(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "")
	r.expect("an operator confirmed", "request not served")
	for _, authorization := range []string{"", "Bearer anything", basic("any", "thing")} {
		r.asks("everybody", authorization, func(_ string, code int, what string) { require.NotContains(t, []int{401, 403, 405, 429}, code, what) })
	}
}

// asks sends each operation, and also HEAD for each GET.
func (r *recorder) asks(who, authorization string, see func(role string, code int, what string)) {
	r.t.Helper()
	for op, role := range operations {
		method, path, _ := strings.Cut(op, " ")
		methods := []string{method}
		if method == "GET" {
			methods = append(methods, "HEAD")
		}
		for _, method := range methods {
			resp, text := r.send(method, examples.Replace(path), "", "Authorization", authorization)
			see(role, resp.StatusCode, fmt.Sprintf("%s %s as %s: %d %.200s", method, path, who, resp.StatusCode, text))
			if resp.StatusCode == http.StatusUnauthorized {
				require.Len(r.t, resp.Header["Www-Authenticate"], 2, op)
			}
		}
	}
}

// everyOperationIsInTheMap compares the map with the program's list: a new operation must be
// added by hand.
func (r *recorder) everyOperationIsInTheMap(token string) {
	r.t.Helper()
	resp, text := r.send("GET", "/mp4/", "", "Authorization", "Bearer "+token)
	require.Equal(r.t, 200, resp.StatusCode, text)
	listed := map[string]string{}
	for _, e := range parsed[struct {
		Endpoints []struct{ Method, Path, Role string }
	}](r.t, text).Endpoints {
		listed[e.Method+" "+e.Path] = e.Role
	}
	require.Equal(r.t, operations, listed)
}
