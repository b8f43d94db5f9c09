package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
)

// turned is a clock that a test turns.
type turned struct {
	mu sync.Mutex
	at time.Time
}

func (c *turned) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *turned) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

func (c *turned) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const (
	viewToken  = "view-0123456789abcdef"
	adminToken = "admin-0123456789abcdef"
)

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func guarded(t *testing.T) (*fixture, *Server, *turned) {
	w := newFixture(t)
	clock := &turned{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	hash, err := auth.HashPassword("correct horse")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(adminToken))
	s := w.server(func(c *Config, d *Deps) {
		d.Clock = clock
		c.Auth = auth.Config{
			Users:  []auth.User{{Name: "joe", PasswordHash: hash, Roles: []auth.Role{auth.View, auth.Control}}},
			Tokens: []auth.Token{{Name: "wall", Token: viewToken, Roles: []auth.Role{auth.View}}, {Token: "sha256:" + hex.EncodeToString(digest[:]), Roles: []auth.Role{auth.Admin}}},
		}
	})
	return w, s, clock
}

func TestRolesDecideWhatIsAllowed(t *testing.T) {
	w, s, _ := guarded(t)
	rec := w.add(1, "a")
	url := "/mp4/records/" + rec.ID.String()
	for _, c := range []struct {
		as     string
		method string
		target string
		code   int
	}{
		{"", "GET", "/mp4/list", 401},
		{"", "GET", "/", 401},
		{"", "GET", "/metrics", 401},
		{"", "GET", "/mp4/openapi.json", 401},
		{"", "POST", "/mp4/start/live/camera01", 401},
		{"", "GET", "/healthz", 200},
		{"", "GET", "/readyz", 200},
		{"Bearer " + viewToken, "GET", "/mp4/list", 200},
		{"bearer " + viewToken, "GET", "/mp4/list", 200},
		{"Bearer " + viewToken, "POST", "/mp4/start/live/camera01", 403},
		{"Bearer " + viewToken, "DELETE", url, 403},
		{basic("joe", "correct horse"), "GET", "/mp4/list", 200},
		{basic("joe", "correct horse"), "POST", "/mp4/start/live/camera01", 200},
		{basic("joe", "correct horse"), "DELETE", url, 403},
		{basic("joe", "wrong"), "GET", "/mp4/list", 401},
		{basic("joe", ""), "GET", "/mp4/list", 401},
		{basic("Joe", "correct horse"), "GET", "/mp4/list", 401},
		{basic("", ""), "GET", "/mp4/list", 401},
		{"Basic !!!", "GET", "/mp4/list", 401},
		{"Bearer ", "GET", "/mp4/list", 401},
		{"Bearer " + viewToken + "x", "GET", "/mp4/list", 401},
		{"Digest x", "GET", "/mp4/list", 401},
		{"Bearer " + adminToken, "DELETE", url, 200},
	} {
		var header []string
		if c.as != "" {
			header = []string{"Authorization", c.as}
		}
		r := do(s, c.method, c.target, "", header...)
		require.Equal(t, c.code, r.code, "%s %s as %q: %s", c.method, c.target, c.as, r.body)
		if c.code == 401 {
			require.Len(t, r.header.Values("WWW-Authenticate"), 2)
			r.refused(t, 401)
		}
	}
	require.Contains(t, w.log.String(), "by=joe")
	require.NotContains(t, w.log.String(), "horse")
}

// From an address at its limit of failures tokens are still accepted, and passwords that were right before; another
// right password is checked at its second attempt.
func TestFailuresDoNotLockOutRightCredentials(t *testing.T) {
	w, s, clock := guarded(t)
	hash, err := auth.HashPassword("battery staple")
	require.NoError(t, err)
	s = w.server(func(c *Config, d *Deps) {
		c.Auth, d.Clock, d.SignIns = s.cfg.Auth, clock, auth.NewFailures(d.Log)
		c.Auth.Users = append(c.Auth.Users, auth.User{Name: "eve", PasswordHash: hash, Roles: []auth.Role{auth.View}})
	})
	list := func(as string) reply { return do(s, "GET", "/mp4/list", "", "Authorization", as) }
	require.Equal(t, 200, list(basic("joe", "correct horse")).code)
	for i := range 30 {
		list("Bearer wrong").refused(t, 401)
		require.Contains(t, []int{401, 429}, list(basic("eve", fmt.Sprint("guess ", i))).code)
		require.Contains(t, []int{401, 429}, list(basic("joe", fmt.Sprint("guess ", i))).code)
	}
	require.Equal(t, 200, list("Bearer "+viewToken).code)
	require.Equal(t, 200, list(basic("joe", "correct horse")).code)
	require.Equal(t, 200, do(s, "GET", "/healthz", "").code, "public operations stay available")
	r := list(basic("eve", "battery staple"))
	r.refused(t, 429)
	require.Equal(t, "1", r.header.Get("Retry-After"))
	clock.turn(time.Second)
	require.Equal(t, 200, list(basic("eve", "battery staple")).code, "it is true")
	require.Contains(t, w.log.String(), "sign-in failed")
	for _, secret := range []string{"guess", "horse", "staple", "wrong token"} {
		require.NotContains(t, w.log.String(), secret)
	}
}

// An operation that needs no role neither hashes nor counts, even if a client sends wrong credentials on purpose.
func TestPublicOperationsNeitherHashNorCount(t *testing.T) {
	w, s, clock := guarded(t)
	seen := auth.NewFailures(nil)
	s = w.server(func(c *Config, d *Deps) { c.Auth, d.Clock, d.SignIns = s.cfg.Auth, clock, seen })
	for i := range 200 {
		for _, as := range []string{"Bearer wrong", basic("joe", fmt.Sprint("guess ", i)), "Digest x"} {
			require.Equal(t, 200, do(s, "GET", "/healthz", "", "Authorization", as).code)
			require.Equal(t, 200, do(s, "HEAD", "/readyz", "", "Authorization", as).code)
		}
	}
	seen.Each(func(r auth.Reason, n uint64) { require.Zero(t, n, r) })
	require.Equal(t, 200, do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", "correct horse")).code, "at once")
	do(s, "GET", "/mp4/list", "", "Authorization", "Digest x").refused(t, 401)
	seen.Each(func(r auth.Reason, n uint64) { require.Equal(t, r == auth.Malformed, n == 1, r) })
}

func TestWrongPasswordsAtOnceAreLimitedToo(t *testing.T) {
	_, s, _ := guarded(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for i := range 60 {
		wg.Go(func() {
			code := do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", fmt.Sprint("guess", i))).code
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	require.Positive(t, codes[429], codes)
	do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", "guess")).refused(t, 429)
}

func TestWrongAccessIsFoundAtTheStart(t *testing.T) {
	w := newFixture(t)
	hash, _ := auth.HashPassword("x")
	for says, a := range map[string]auth.Config{
		"not an argon2id hash": {Users: []auth.User{{Name: "a", PasswordHash: "plain", Roles: []auth.Role{auth.View}}}},
		"is none of view":      {Users: []auth.User{{Name: "a", PasswordHash: hash, Roles: []auth.Role{"root"}}}},
		"no role":              {Users: []auth.User{{Name: "a", PasswordHash: hash}}},
		"colon":                {Users: []auth.User{{Name: "a:b", PasswordHash: hash, Roles: []auth.Role{auth.View}}}},
		"twice":                {Users: []auth.User{{Name: "a", PasswordHash: hash, Roles: []auth.Role{auth.View}}, {Name: "a", PasswordHash: hash, Roles: []auth.Role{auth.View}}}},
		"at least 16":          {Tokens: []auth.Token{{Token: "short", Roles: []auth.Role{auth.View}}}},
		"64 hex digits":        {Tokens: []auth.Token{{Token: "sha256:abcd", Roles: []auth.Role{auth.View}}}},
	} {
		cfg := w.config()
		cfg.Auth = a
		_, err := New(cfg, w.deps())
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "short,")
	}
}

func TestReadyShowsStrangersNoDetail(t *testing.T) {
	w, s, _ := guarded(t)
	w.ready = []Check{{Name: "disk", OK: true}, {Name: "database", Detail: "dial tcp 10.0.0.5:5432: refused"}}
	r := do(s, "GET", "/readyz", "")
	require.Equal(t, 503, r.code)
	require.JSONEq(t, `{"status":"not_ready","checks":[{"name":"disk","ok":true},{"name":"database","ok":false}]}`, r.body)
	require.Contains(t, do(s, "GET", "/readyz", "", "Authorization", "Bearer "+viewToken).body, "refused")
	w.ready = nil
	require.JSONEq(t, `{"status":"ready","checks":[]}`, do(s, "GET", "/readyz", "").body)
}

// Logins that are right are not failures, whether they were hashed or remembered.
func TestRightPasswordsAreNeverLimited(t *testing.T) {
	_, s, _ := guarded(t)
	for range 15 {
		require.Equal(t, 200, do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", "correct horse")).code)
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if code := do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", "correct horse")).code; code != 200 {
				t.Errorf("refused with %d", code)
			}
		})
	}
	wg.Wait()
}
