package e2e

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// attack opens a connection to the recorder on which the test sends raw bytes.
func (r *recorder) attack() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.api, "http://"))
	require.NoError(r.t, err)
	require.NoError(r.t, c.SetDeadline(time.Now().Add(patience)))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// raw sends a request line unchanged and reads one response.
func (r *recorder) raw(request string) (code int, body string) {
	r.t.Helper()
	c := r.attack()
	_, err := io.WriteString(c, request+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	require.NoError(r.t, err)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(text)
}

// leaksNothing requires that a response contains no secret.
func (r *recorder) leaksNothing(what, body string) {
	r.t.Helper()
	for _, secret := range []string{r.dir, "top secret", "root:x:0", "goroutine ", "sqlite", "SQLSTATE", "syntax", "spool_journals"} {
		require.NotContains(r.t, body, secret, what)
	}
}

// TestAttackersListOnEachDatabase runs the attacks on each database. All are refused, nothing
// leaks, and recording continues.
func TestAttackersListOnEachDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *database) {
		r := launch(t, staticBinary, t.TempDir(), `streams: {live/a: {pull: "testpattern://?size=64x64&fps=25&gop=25"}}`, db.flags()...)
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, "secret.mp4"), []byte("top secret"), 0o600))
		require.NoError(t, os.Symlink(filepath.Join(r.dir, "secret.mp4"), r.path("link.mp4")))
		require.NoError(t, os.Symlink(r.dir, r.path("way")))
		r.start("live/a", "")
		r.growing("live/a") // from here on only an attack could change the rows
		r.traversal()
		r.metacharacters()
		r.wrongTypes()
		if db.driver == "sqlite" { // the rest does not depend on the database
			r.floods()
		}
		before := r.status("live/a").AccessUnits
		eventually(t, "the recording goes on", func() bool { return r.status("live/a").AccessUnits > before })
		require.Empty(t, r.status("live/a").Drops)
		require.Equal(t, []string{"live/a"}, answer[struct{ Recordings []string }](r, "GET", "/mp4/list").Recordings, "nothing else was started")
		require.NoError(t, os.Remove(r.path("way")))
		r.stop("live/a")
		require.NoError(t, os.Remove(r.path("link.mp4")))
		r.rowsAreFiles()
	})
}

func (r *recorder) traversal() {
	r.t.Helper()
	for _, path := range []string{
		"../secret.mp4", "live/../../secret.mp4", "./x.mp4", "live//x.mp4", "/etc/passwd", "..", "%2e%2e/secret.mp4", ".%2e/secret.mp4",
		"..%2fsecret.mp4", "%2e%2e%2fsecret.mp4", "..%5csecret.mp4", "..\\secret.mp4", "%252e%252e/secret.mp4", "secret.mp4%00.mp4",
		"x%00.mp4", "x%0d%0aSet-Cookie:a.mp4", "%c0%ae%c0%ae/secret.mp4", "%ff.mp4", "%u002e%u002e/secret.mp4", "%zz.mp4",
		"link.mp4", "way/secret.mp4", "way/config.yaml", ".spool-journal/lock", "spool.db", strings.Repeat("a/", 2500) + "x.mp4", strings.Repeat("a", 5000) + ".mp4",
	} {
		for _, ask := range []string{"GET /mp4/vod/", "HEAD /mp4/vod/", "GET /mp4/status/", "POST /mp4/start/", "POST /mp4/stop/"} {
			code, body := r.raw(ask + path)
			if code == 200 { // a valid stream path without a stream
				require.Equal(r.t, "POST /mp4/stop/", ask, path)
				require.Contains(r.t, body, "not_recording")
			} else {
				require.Contains(r.t, []int{400, 404}, code, "%s%.80s: %s", ask, path, body)
			}
			r.leaksNothing(ask+path, body)
		}
	}
}

// metacharacters writes SQL and shell metacharacters into every field that reaches a database.
func (r *recorder) metacharacters() {
	r.t.Helper()
	total, reached := len(r.rows("", 1000)), 0
	for _, evil := range []string{
		`'`, `"`, "`", `\`, `' OR '1'='1`, `'; DROP TABLE spool_recordings; --`, `" OR ""="`, `\' OR 1=1 -- `, `%`, `_`, `live/%`, `live/_`,
		`?`, `$1`, `{}`, `/*`, `--`, `a/'/*`, `live/\*`, "live/\u2019", "0x27", "1;SELECT pg_sleep(9)", "a\x00b", "\xff", strings.Repeat("'", 400),
	} {
		for _, field := range []string{"stream", "start", "end", "state", "protected", "limit", "order", "cursor"} {
			code, body := r.ask("GET", "/mp4/records?"+field+"="+url.QueryEscape(evil))
			require.Contains(r.t, []int{200, 400}, code, "%s=%s: %s", field, evil, body)
			require.True(r.t, code == 400 || field == "stream", "%s=%s: %s", field, evil, body)
			if code == 200 {
				require.Contains(r.t, string(body), `"count":0`, "%s=%s finds nothing", field, evil)
			}
			r.leaksNothing(field+"="+evil, string(body))
		}
		code, body := r.ask("DELETE", "/mp4/records?start=0&end=9000000000&stream="+url.QueryEscape(evil))
		require.Contains(r.t, []int{200, 400}, code, evil)
		require.True(r.t, code == 400 || strings.Contains(string(body), `"deleted":0`), "%s deletes %s", evil, body)
		if code == 200 {
			reached++
		}
		code, _ = r.ask("GET", "/mp4/records/"+url.PathEscape(evil))
		require.Contains(r.t, []int{400, 404}, code, evil)
	}
	require.Len(r.t, r.rows("", 1000), total, "all rows are there")
	require.Greater(r.t, reached, 10, "what may be the name of a stream reaches the database")
}

func (r *recorder) wrongTypes() {
	r.t.Helper()
	for _, query := range []string{
		"limit=99999999999999999999", "limit=-1", "limit=1e3", "limit=0x10", "limit=", "limit=1&limit=2", "start=99999999999999999999", "start=-99999999999999",
		"start=NaN", "start=Infinity", "end=2026-13-45T99:99:99Z", "start=2026-01-01", "start=5&end=4", "protected=2", "order=ASC;",
		"cursor=" + base64.RawURLEncoding.EncodeToString([]byte("forged")), "cursor=AAAA", "cursor=" + strings.Repeat("A", 5000),
		"cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`{"start":1,"id":"x' OR 1=1"}`)),
	} {
		code, body := r.ask("GET", "/mp4/records?"+query)
		require.Contains(r.t, []int{400, 414}, code, "%.80s: %s", query, body)
		r.leaksNothing(query, string(body))
	}
	for _, query := range []string{"duration=-1", "duration=99999999999999999999", "duration=x", "wait=maybe", "duration=1e400"} {
		code, body := r.ask("POST", "/mp4/start/live/x?"+query)
		require.Equal(r.t, 400, code, "%s: %s", query, body)
	}
	for body, kind := range map[string]string{
		"": "application/json", "[]": "application/json", "null": "application/json", `{"protected":"yes"}`: "application/json",
		`{"protected":true}{"protected":true}`: "application/json", `{"protected":true}`: "text/plain", "<x/>": "application/xml",
		strings.Repeat("[", 60000): "application/json", strings.Repeat("x", 1<<20): "application/json",
	} {
		resp, text := r.send("PATCH", "/mp4/records/01a2032a-fe89-7c4a-8354-0e8ff0e8ca8d", body, "Content-Type", kind)
		require.Contains(r.t, []int{400, 404, 413, 415}, resp.StatusCode, "%.40s: %s", body, text)
		r.leaksNothing(body, text)
	}
	for _, method := range []string{"TRACE", "CONNECT", "PUT", "PROPFIND"} {
		code, body := r.raw(method + " /mp4/records")
		require.Contains(r.t, []int{400, 405, 501}, code, "%s: %s", method, body)
	}
}

// floods opens an endless header, slow clients, and ten thousand idle connections. Two thousand
// of these have begun a request whose body does not come.
func (r *recorder) floods() {
	r.t.Helper()
	slow := []net.Conn{r.attack(), r.attack(), r.attack()}
	for i, begin := range []string{"", "GET /mp4/li", "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: "} {
		_, err := io.WriteString(slow[i], begin)
		require.NoError(r.t, err)
	}
	c := r.attack()
	_, err := io.WriteString(c, "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: ")
	require.NoError(r.t, err)
	junk, sent := make([]byte, 1<<20), 0
	for i := range junk {
		junk[i] = 'x'
	}
	for ; sent < 1<<30 && err == nil; sent += len(junk) {
		_, err = c.Write(junk)
	}
	require.Error(r.t, err, "the server read a header of 1 GB")
	for i := range 10_000 {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.api, "http://"))
		require.NoError(r.t, err)
		defer c.Close()
		if i%5 == 0 { // answered, then idle
			_, err = io.WriteString(c, "POST /mp4/stop/x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 9\r\n\r\n")
			require.NoError(r.t, err)
		}
	}
	code, body := r.ask("GET", "/mp4/list")
	require.Equal(r.t, 200, code, "%s", body)
	require.Less(r.t, r.descriptors(), 1500, "the server holds no more than it wants")
	for i, c := range slow {
		require.NoError(r.t, c.SetDeadline(time.Now().Add(patience))) // the flood may have taken the earlier deadline
		_, err := io.ReadAll(c)
		require.NotErrorIs(r.t, err, os.ErrDeadlineExceeded, "slow client %d is still there", i)
	}
}
