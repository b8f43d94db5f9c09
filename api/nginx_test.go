package api

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// conditions is the table of range and conditional requests; {etag}, {date}, {before} and {after} stand for the
// validators of the server under test. differs names where nginx departs from RFC 9110, and the right answer.
var conditions = []struct {
	header  []string
	code    int
	differs string
}{
	{nil, 200, ""},
	{[]string{"Range", "bytes=0-0"}, 206, ""},
	{[]string{"Range", "bytes=0-99"}, 206, ""},
	{[]string{"Range", "bytes=100-199"}, 206, ""},
	{[]string{"Range", "bytes=0-"}, 206, ""},
	{[]string{"Range", "bytes=99999-"}, 206, ""},
	{[]string{"Range", "bytes=99999-99999"}, 206, ""},
	{[]string{"Range", "bytes=99990-200000"}, 206, ""},
	{[]string{"Range", "bytes=100000-"}, 416, ""},
	{[]string{"Range", "bytes=100000-100001"}, 416, ""},
	{[]string{"Range", "bytes=-1"}, 206, ""},
	{[]string{"Range", "bytes=-500"}, 206, ""},
	{[]string{"Range", "bytes=-100000"}, 206, ""},
	{[]string{"Range", "bytes=-100001"}, 206, ""},
	{[]string{"Range", "bytes=-0"}, 416, ""},
	{[]string{"Range", "bytes=5-3"}, 416, ""},
	{[]string{"Range", "bytes=x-y"}, 416, ""},
	{[]string{"Range", "bytes=-"}, 416, ""},
	{[]string{"Range", "bytes="}, 416, "a header that is no range may be refused (14.2), as every other one here is"},
	{[]string{"Range", "bytes=1-2-3"}, 416, ""},
	{[]string{"Range", "bytes=+1-2"}, 416, ""},
	{[]string{"Range", "bytes 0-9"}, 200, ""},
	{[]string{"Range", "items=0-9"}, 200, ""},
	{[]string{"Range", "Bytes=0-9"}, 206, ""},
	{[]string{"Range", "bytes= 0-9"}, 206, ""},
	{[]string{"Range", "bytes=0-99999999999999999999"}, 206, "a number has no greatest value: what is beyond the end is the end"},
	{[]string{"Range", "bytes=99999999999999999999-"}, 416, ""},
	{[]string{"Range", "bytes=0-0,-1"}, 206, ""},
	{[]string{"Range", "bytes=0-9,20-29"}, 206, ""},
	{[]string{"Range", "bytes=0-9, 20-29, 99990-"}, 206, ""},
	{[]string{"Range", "bytes=20-29,0-9"}, 206, ""},
	{[]string{"Range", "bytes=0-9,5-14"}, 206, ""},
	{[]string{"Range", "bytes=0-9,200000-"}, 206, ""},
	{[]string{"Range", "bytes=200000-,300000-"}, 416, ""},
	{[]string{"Range", "bytes=0-9,x"}, 416, ""},
	{[]string{"Range", "bytes=0-,0-"}, 200, ""},
	{[]string{"Range", "bytes=0-99999,0-0"}, 200, ""},
	{[]string{"If-None-Match", "{etag}"}, 304, ""},
	{[]string{"If-None-Match", `"x"`}, 200, ""},
	{[]string{"If-None-Match", `"x", {etag}`}, 304, ""},
	{[]string{"If-None-Match", "W/{etag}"}, 304, ""},
	{[]string{"If-None-Match", "*"}, 304, ""},
	{[]string{"If-None-Match", "{etag}", "Range", "bytes=0-9"}, 304, ""},
	{[]string{"If-None-Match", `"x"`, "Range", "bytes=0-9"}, 206, ""},
	{[]string{"If-Match", "{etag}"}, 200, ""},
	{[]string{"If-Match", `"x"`}, 412, ""},
	{[]string{"If-Match", `"x", {etag}`}, 200, ""},
	{[]string{"If-Match", "*"}, 200, ""},
	{[]string{"If-Match", "W/{etag}"}, 412, ""},
	{[]string{"If-Match", "{etag}", "Range", "bytes=0-9"}, 206, ""},
	{[]string{"If-Match", `"x"`, "Range", "bytes=0-9"}, 412, ""},
	{[]string{"If-Modified-Since", "{date}"}, 304, ""},
	{[]string{"If-Modified-Since", "{before}"}, 200, ""},
	{[]string{"If-Modified-Since", "{after}"}, 304, ""},
	{[]string{"If-Modified-Since", "yesterday"}, 200, ""},
	{[]string{"If-Modified-Since", "{date}", "Range", "bytes=0-9"}, 304, ""},
	{[]string{"If-Unmodified-Since", "{date}"}, 200, ""},
	{[]string{"If-Unmodified-Since", "{before}"}, 412, ""},
	{[]string{"If-Unmodified-Since", "{after}"}, 200, ""},
	{[]string{"If-None-Match", `"x"`, "If-Modified-Since", "{date}"}, 200, ""},
	{[]string{"If-None-Match", "{etag}", "If-Modified-Since", "{before}"}, 304, "If-None-Match is there, so If-Modified-Since is not looked at (13.1.3)"},
	{[]string{"If-Match", "{etag}", "If-Unmodified-Since", "{before}"}, 200, "If-Match is there, so If-Unmodified-Since is not looked at (13.1.4)"},
	{[]string{"If-Range", "{etag}", "Range", "bytes=0-9"}, 206, ""},
	{[]string{"If-Range", `"x"`, "Range", "bytes=0-9"}, 200, ""},
	{[]string{"If-Range", "W/{etag}", "Range", "bytes=0-9"}, 200, ""},
	{[]string{"If-Range", "{date}", "Range", "bytes=0-9"}, 206, ""},
	{[]string{"If-Range", "{before}", "Range", "bytes=0-9"}, 200, ""},
	{[]string{"If-Range", "{after}", "Range", "bytes=0-9"}, 200, ""},
	{[]string{"If-Range", "{etag}"}, 200, ""},
	{[]string{"If-Range", "{etag}", "Range", "bytes=100000-"}, 416, ""},
	{[]string{"If-Range", `"x"`, "Range", "bytes=100000-"}, 200, ""},
	{[]string{"If-Range", "{etag}", "Range", "bytes=0-9,20-29"}, 206, ""},
}

// The same file is requested from spool and from nginx, by GET and by HEAD: status, range, length, type and bytes are
// the same, except where the table gives a reason.
func TestConditionsAnswerAsNginxDoes(t *testing.T) {
	require.GreaterOrEqual(t, len(conditions), 60)
	w := newFixture(t)
	name := "live/cam 1/x.mp4"
	data := footageBytes(100000)
	w.put(name, data)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(w.dir, name), at, at))
	_, ours := w.run()
	theirs := startNginx(t, w.dir)
	urls := [2]string{"http://" + ours + fileURL(name), "http://" + theirs + "/" + strings.TrimPrefix(fileURL(name), "/mp4/vod/")}
	for _, c := range conditions {
		for _, method := range []string{"GET", "HEAD"} {
			got, want := condition(t, method, urls[0], c.header), condition(t, method, urls[1], c.header)
			what := fmt.Sprint(method, " ", c.header)
			require.Equal(t, c.code, got.code, what)
			checkOwn(t, got, data, method, what)
			if c.differs != "" {
				require.NotEqual(t, want.code, got.code, "%s: nginx has learnt that %s", what, c.differs)
				continue
			}
			require.Equal(t, want.code, got.code, what)
			require.Equal(t, want.contentRange, got.contentRange, what)
			require.Equal(t, want.parts, got.parts, what)
			if got.code == 200 || got.code == 206 {
				require.Equal(t, want.kind, got.kind, what)
			}
			if got.code == 200 || got.code == 206 && got.contentRange != "" {
				require.Equal(t, want.length, got.length, what)
				require.Equal(t, want.modified, got.modified, what)
			}
		}
	}
}

// outcome holds the compared parts of an answer, with a multipart body split into its parts.
type outcome struct {
	code                                             int
	contentRange, kind, length, modified, etag, body string
	accept                                           string
	parts                                            []string
}

func condition(t *testing.T, method, url string, header []string) outcome {
	t.Helper()
	plain := fetch(t, "HEAD", url)
	date, err := http.ParseTime(plain.header.Get("Last-Modified"))
	require.NoError(t, err)
	fill := strings.NewReplacer("{etag}", plain.header.Get("ETag"), "{date}", date.Format(http.TimeFormat),
		"{before}", date.Add(-time.Hour).Format(http.TimeFormat), "{after}", date.Add(time.Hour).Format(http.TimeFormat))
	filled := make([]string, len(header))
	for i := range header {
		filled[i] = fill.Replace(header[i])
	}
	r := fetch(t, method, url, filled...)
	o := outcome{code: r.code, contentRange: r.header.Get("Content-Range"), kind: r.header.Get("Content-Type"),
		length: r.header.Get("Content-Length"), modified: r.header.Get("Last-Modified"), etag: r.header.Get("ETag"),
		accept: r.header.Get("Accept-Ranges"), body: r.body}
	if kind, params, err := mime.ParseMediaType(o.kind); err == nil && kind == "multipart/byteranges" {
		o.kind = kind
		o.parts = takeApart(t, r.body, params["boundary"])
	}
	return o
}

func takeApart(t *testing.T, body, boundary string) (out []string) {
	t.Helper()
	if body == "" {
		return nil // HEAD
	}
	for r := multipart.NewReader(strings.NewReader(body), boundary); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		data, err := io.ReadAll(p)
		require.NoError(t, err)
		out = append(out, p.Header.Get("Content-Range")+" "+p.Header.Get("Content-Type")+" "+string(data))
	}
}

// checkOwn checks the rules that hold for our answer regardless of nginx's.
func checkOwn(t *testing.T, o outcome, data []byte, method, what string) {
	t.Helper()
	switch {
	case o.code == 416:
		require.Equal(t, fmt.Sprintf("bytes */%d", len(data)), o.contentRange, what)
		require.Equal(t, "application/json", o.kind, what)
		require.True(t, method == "HEAD" || strings.Contains(o.body, `{"status":"error"`), what)
		return
	case method == "HEAD" || o.code == 304 || o.code == 412:
		require.Empty(t, o.body, what)
	case o.code == 200:
		require.True(t, bytes.Equal(data, []byte(o.body)), what)
	case o.contentRange != "":
		var from, to, size int
		_, err := fmt.Sscanf(o.contentRange, "bytes %d-%d/%d", &from, &to, &size)
		require.NoError(t, err, what)
		require.Equal(t, string(data[from:to+1]), o.body, what)
	}
	require.NotEmpty(t, o.etag, what)
	if o.code == 200 {
		require.Equal(t, "bytes", o.accept, what)
	}
}

func footageBytes(n int) []byte {
	data := make([]byte, n)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(data)
	return data
}

// startNginx serves a directory as RFC 9110 has it, on a free port.
func startNginx(t testing.TB, dir string) string {
	t.Helper()
	return runNginx(t, fmt.Sprintf("root %s;", dir))
}

// runNginx serves a server block on a free port.
func runNginx(t testing.TB, block string) string {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	require.NoError(t, err, "nginx is not installed: make test installs it")
	addr := ""
	for addr == "" { // below the ports that the system gives out by itself, before nginx has it
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))); err == nil {
			addr = l.Addr().String()
			l.Close()
		}
	}
	prefix := t.TempDir()
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 512; }
http { access_log off; types { video/mp4 mp4; } sendfile on; if_modified_since before;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen %[2]s; %[3]s } }`, prefix, addr, block)
	require.NoError(t, os.WriteFile(filepath.Join(prefix, "nginx.conf"), []byte(conf), 0o644))
	cmd := exec.Command(bin, "-p", prefix, "-c", filepath.Join(prefix, "nginx.conf"))
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond, "nginx did not listen")
	return addr
}
