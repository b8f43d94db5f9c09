package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

func guarded(t *testing.T) (*world, *Server, *turned) {
	w := newWorld(t)
	clock := &turned{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	hash, err := HashPassword("correct horse")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(adminToken))
	s := w.server(func(c *Config, d *Deps) {
		d.Clock = clock
		c.Auth = Auth{
			Users:  []User{{Name: "joe", PasswordHash: hash, Roles: []Role{View, Control}}},
			Tokens: []Token{{Name: "wall", Token: viewToken, Roles: []Role{View}}, {Token: "sha256:" + hex.EncodeToString(digest[:]), Roles: []Role{Admin}}},
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

func TestFailuresAreLimitedByRemote(t *testing.T) {
	_, s, clock := guarded(t)
	for range 10 {
		do(s, "GET", "/mp4/list", "", "Authorization", "Bearer wrong").refused(t, 401)
	}
	r := do(s, "GET", "/mp4/list", "", "Authorization", "Bearer "+viewToken)
	r.refused(t, 429)
	require.NotEmpty(t, r.header.Get("Retry-After"))
	do(s, "GET", "/mp4/list", "", "Authorization", basic("joe", "correct horse")).refused(t, 429)
	require.Equal(t, 200, do(s, "GET", "/healthz", "").code, "what is for everybody stays")
	clock.turn(10 * time.Second)
	require.Equal(t, 200, do(s, "GET", "/mp4/list", "", "Authorization", "Bearer "+viewToken).code)
	require.Zero(t, s.door.attempts.blocked("127.0.0.2"), "another remote is not meant")
}

// Logins that are right are not failures, whether they were hashed or remembered.
func TestRightPasswordsAreNeverLimited(t *testing.T) {
	_, s, _ := guarded(t)
	for range 15 {
		s.door.users["joe"].remember(nil)
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

func TestRemotesOfOneHostCountAsOne(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.5:1234": "10.0.0.5", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:10.0.0.5]:1": "10.0.0.5",
		"[fe80::1%eth0]:1": "fe80::/64", "pipe": "pipe",
	} {
		require.Equal(t, want, remoteOf(addr))
	}
}

func TestTableOfRemotesIsBounded(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	a := attempts{clock: clock, limit: 10, remotes: map[string]*debt{}}
	for i := range 3 * maxRemotes {
		a.failed(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(a.remotes), maxRemotes)
	clock.turn(time.Hour)
	a.failed("x")
	require.Len(t, a.remotes, 1, "who has no debt is forgotten")
}

func TestPasswordHashes(t *testing.T) {
	text, err := HashPassword("ünïcode pass")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$"))
	h, err := parseHash(text)
	require.NoError(t, err)
	require.Equal(t, text, h.String())
	require.True(t, h.matches("ünïcode pass"))
	require.False(t, h.matches("unicode pass"))
	again, _ := HashPassword("ünïcode pass")
	require.NotEqual(t, text, again, "the salt is another")
	_, err = HashPassword("")
	require.Error(t, err)
	// Made by the reference program: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
	h, err = parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	require.NoError(t, err)
	require.True(t, h.matches("password"))
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2i$v=19$m=1,t=1,p=1$$")
	f.Add("plain")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			if strings.Contains(err.Error(), text) && len(text) > 20 {
				t.Fatalf("the error shows the hash: %v", err)
			}
			return
		}
		if h.memory > 256<<10 || h.time > 16 || h.time < 1 || h.threads < 1 || len(h.key) < 16 {
			t.Fatalf("%q is taken", text)
		}
	})
}

func TestWrongAccessIsFoundAtTheStart(t *testing.T) {
	w := newWorld(t)
	hash, _ := HashPassword("x")
	for says, a := range map[string]Auth{
		"not an argon2id hash": {Users: []User{{Name: "a", PasswordHash: "plain", Roles: []Role{View}}}},
		"is none of view":      {Users: []User{{Name: "a", PasswordHash: hash, Roles: []Role{"root"}}}},
		"no role":              {Users: []User{{Name: "a", PasswordHash: hash}}},
		"colon":                {Users: []User{{Name: "a:b", PasswordHash: hash, Roles: []Role{View}}}},
		"twice":                {Users: []User{{Name: "a", PasswordHash: hash, Roles: []Role{View}}, {Name: "a", PasswordHash: hash, Roles: []Role{View}}}},
		"at least 16":          {Tokens: []Token{{Token: "short", Roles: []Role{View}}}},
		"64 hex digits":        {Tokens: []Token{{Token: "sha256:abcd", Roles: []Role{View}}}},
	} {
		cfg := w.config()
		cfg.Auth = a
		_, err := New(cfg, w.deps())
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "short,")
	}
}

func TestReadyTellsStrangersNoDetail(t *testing.T) {
	w, s, _ := guarded(t)
	w.ready = []Check{{Name: "disk", OK: true}, {Name: "database", Detail: "dial tcp 10.0.0.5:5432: refused"}}
	r := do(s, "GET", "/readyz", "")
	require.Equal(t, 503, r.code)
	require.JSONEq(t, `{"status":"not_ready","checks":[{"name":"disk","ok":true},{"name":"database","ok":false}]}`, r.body)
	require.Contains(t, do(s, "GET", "/readyz", "", "Authorization", "Bearer "+viewToken).body, "refused")
	w.ready = nil
	require.JSONEq(t, `{"status":"ready","checks":[]}`, do(s, "GET", "/readyz", "").body)
}

// The work for who has hung up while he waited is not done, however it is told.
func TestWhoHungUpIsNotHashedFor(t *testing.T) {
	hash, err := HashPassword("open sesame")
	require.NoError(t, err)
	gate, err := NewGate([]Credentials{{Name: "cam", PasswordHash: hash}}, &turned{at: time.Unix(1e9, 0)})
	require.NoError(t, err)
	require.ErrorIs(t, gate.Check(gone{t.Context()}, "192.0.2.1:5", "cam", "open sesame"), ErrWrong)
	require.NoError(t, gate.Check(t.Context(), "192.0.2.1:5", "cam", "open sesame"))
}

// gone is a context that tells of its end only when it is asked.
type gone struct{ context.Context }

func (gone) Err() error { return context.Canceled }
