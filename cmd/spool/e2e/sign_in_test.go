package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func parsed[T any](t *testing.T, text string) (out T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &out), text)
	return out
}

// guessing calls guess repeatedly, four calls at a time, until the test ends or stop is called.
// Each call gets a unique number.
func guessing(t *testing.T, guess func(ctx context.Context, n int)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := worker; ctx.Err() == nil; n += 4 {
				guess(ctx, n)
			}
		})
	}
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

// TestGuessesDoNotLockOutUsers guesses passwords from the address that all clients share, for
// one name and for many, while the users sign in for the first time.
func TestGuessesDoNotLockOutUsers(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-the-wall"
	r := serveStatic(t, fmt.Sprintf(`
http:
  auth:
    users:
      - {name: joe, password_hash: %[1]q, roles: [view]}
      - {name: eve, password_hash: %[1]q, roles: [view]}
      - {name: ann, password_hash: %[1]q, roles: [view]}
    tokens: [{name: wall, token: %[2]q, roles: [view]}]
`, hashed(t, "the right one"), token))
	r.expect("sign-in failed")
	list := func(authorization string) (code int, retry string) {
		resp, _ := r.send("GET", "/mp4/list", "", "Authorization", authorization)
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	for i := range 100 { // an open endpoint counts no failures
		resp, _ := r.send("GET", "/readyz", "", "Authorization", basic("joe", fmt.Sprint("guess ", i)))
		require.Contains(t, []int{200, 503}, resp.StatusCode)
	}
	code, _ := list(basic("joe", "the right one"))
	require.Equal(t, 200, code, "the first sign-in")
	var guesses sync.Map
	stop := guessing(t, func(_ context.Context, n int) {
		for _, name := range []string{"joe", "ann", fmt.Sprint("name ", n)} {
			code, _ := list(basic(name, fmt.Sprint("guess ", n)))
			guesses.Store(code, true)
		}
		code, _ := list(fmt.Sprint("Bearer a-wrong-token-", n))
		guesses.Store(code, true)
	})
	eventually(t, "the guesses are refused unread", func() bool { _, is := guesses.Load(429); return is })
	for range 20 {
		code, _ = list("Bearer " + token)
		require.Equal(t, 200, code, "a token")
		code, _ = list(basic("joe", "the right one"))
		require.Equal(t, 200, code, "a password that was right before")
	}
	code, _ = list(basic("eve", "the right one"))
	require.Equal(t, 200, code, "a name that has not failed")
	tries := 0
	for code = 0; code != 200; tries++ { // the name may be guessed at this moment
		var retry string
		code, retry = list(basic("ann", "the right one"))
		if code == 200 {
			break
		}
		require.Equal(t, 429, code)
		seconds, err := strconv.Atoi(retry)
		require.NoError(t, err)
		require.LessOrEqual(t, seconds, 1, "it is short")
		require.Less(t, tries, 2, "it is honest")
		<-time.After(time.Duration(seconds) * time.Second)
	}
	code, _ = list(basic("ann", "the right one"))
	require.Equal(t, 200, code, "from now on it is known")
	stop()
	r.signInFailures(token, "http", map[string]bool{"throttled": true, "wrong_password": true, "unknown_name": true, "wrong_token": true, "malformed": false})
	list(basic("the right one", "joe")) // a password in the field for the name
	require.NotContains(t, r.book.String(), "the right one")
	require.NotContains(t, r.book.String(), "guess ")
	require.NotContains(t, r.book.String(), "a-wrong-token")
	lines := strings.Count(r.book.String(), "sign-in failed")
	require.Positive(t, lines)
	require.LessOrEqual(t, lines, 60*4, "sixty a minute")
	require.Contains(t, r.book.String(), "127.0.0.1")
}

// signInFailures requires which reasons a server has counted.
func (r *recorder) signInFailures(token, server string, counted map[string]bool) {
	r.t.Helper()
	_, text := r.send("GET", "/metrics", "", "Authorization", "Bearer "+token)
	got := map[string]bool{}
	for line := range strings.Lines(text) {
		rest, is := strings.CutPrefix(line, "spool_sign_in_failures_total{reason=\"")
		if reason, value, _ := strings.Cut(rest, `",server="`+server+`"} `); is && value != "" {
			got[reason] = strings.TrimSpace(value) != "0"
		}
	}
	require.Equal(r.t, counted, got)
}

// TestCamerasGetInBesideOneThatGuesses connects a hundred cameras behind one address at once
// after a restart, while passwords are guessed from the same address.
func TestCamerasGetInBesideOneThatGuesses(t *testing.T) {
	t.Parallel()
	const cameras = 100
	clips, err := filmed()
	require.NoError(t, err)
	clip := clips[rtsptest.H264]
	hash := hashed(t, "the right one")
	config := "ingest:\n  auth:\n    users:\n"
	for n := range cameras {
		config += fmt.Sprintf("      - {name: cam%d, password_hash: %q, publish: [\"live/cam%d\"]}\n", n, hash, n)
	}
	r := serveStatic(t, config)
	r.expect("publisher refused", "publisher left before it recorded", "connection")
	address := strings.TrimPrefix(r.rtsp, "rtsp://")
	announce := func(name, path, password string) (status int) {
		c, err := rtsptest.Dial(address, "")
		if err != nil {
			return 0
		}
		defer c.Close()
		c.SignIn(name, password)
		reply, err := c.Ask("ANNOUNCE", "rtsp://"+address+"/"+path, rtsptest.Describe(clip), "Content-Type: application/sdp")
		if err != nil {
			return 0
		}
		return reply.Status
	}
	camera := func(n int) int { return announce(fmt.Sprint("cam", n), fmt.Sprint("live/cam", n), "the right one") }
	stop := guessing(t, func(_ context.Context, n int) {
		announce("cam0", "live/cam0", fmt.Sprint("guess ", n))
		announce("cam1", "live/cam1", "stale") // a camera whose password was changed
		announce(fmt.Sprint("name ", n), "live/x", fmt.Sprint("guess ", n))
	})
	eventually(t, "guesses are refused unread", func() bool { return strings.Contains(r.book.String(), "too many failed attempts") })
	var all sync.WaitGroup
	for n := 2; n < cameras; n++ {
		all.Go(func() {
			if status := camera(n); status != 200 {
				t.Errorf("cam%d: %d", n, status)
			}
		})
	}
	all.Wait()
	for n := range 2 { // as a refused camera does
		if camera(n) != 200 {
			<-time.After(time.Second)
			require.Equal(t, 200, camera(n), "cam%d comes again", n)
		}
	}
	changed, err := os.ReadFile(filepath.Join(r.dir, "config.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "config.yaml"), append(changed, "streams: {live/cam7: {priority: 1}}\n"...), 0o600))
	code, body := r.ask("POST", "/mp4/reload")
	require.Equal(t, 200, code, "%s", body)
	for n := range cameras {
		require.Equal(t, 200, camera(n), "cam%d is known, after a reload too", n)
	}
	stop()
	r.signInFailures("", "rtsp", map[string]bool{"throttled": true, "wrong_password": true, "unknown_name": true, "wrong_token": false, "malformed": false})
	require.NotContains(t, r.book.String(), "guess ")
	require.NotContains(t, r.book.String(), "name 1")
	require.NotContains(t, r.book.String(), "the right one")
}

// TestEachClientOfATrustedProxyIsItself checks that the header of a trusted proxy counts and
// that of any other client does not.
func TestEachClientOfATrustedProxyIsItself(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, fmt.Sprintf(`
http:
  trusted_proxies: [127.0.0.1]
  auth: {users: [{name: joe, password_hash: %q, roles: [view]}]}
`, hashed(t, "the right one")))
	r.expect("sign-in failed")
	from := func(client, password string) int {
		resp, _ := r.send("GET", "/mp4/list", "", "Authorization", basic("joe", password), "X-Forwarded-For", "192.0.2.99, "+client)
		return resp.StatusCode
	}
	for n := range 10 {
		require.Equal(t, 401, from("192.0.2.1", fmt.Sprint("guess ", n)))
	}
	for n := 10; from("192.0.2.1", fmt.Sprint("guess ", n)) != 429; n++ { // a slow machine gives a guess back now and then
		require.Less(t, n, 100)
	}
	require.Equal(t, 200, from("192.0.2.2", "the right one"), "another client of the proxy")
	require.Contains(t, r.book.String(), "192.0.2.1")
	require.NotContains(t, r.book.String(), "192.0.2.99", "what stands further left is not looked at")
}

// TestHostsAllowNamesWithoutAuth checks that a recorder without auth accepts the names in http.hosts.
func TestHostsAllowNamesWithoutAuth(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "http: {hosts: [recorder.lan]}\n")
	for host, code := range map[string]int{"recorder.lan": 200, "Recorder.lan:8080": 200, "evil.example": 403, "localhost": 200} {
		resp, text := r.send("GET", "/mp4/list", "", "Host", host)
		require.Equal(t, code, resp.StatusCode, "%s: %s", host, text)
	}
}
