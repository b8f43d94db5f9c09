package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/conn"
)

// patience is the deadline of one wait; no test depends on its length.
const patience = time.Minute

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// raw sends bytes as they are and reads one answer.
func raw(t *testing.T, addr, request string) reply {
	t.Helper()
	c := dial(t, addr)
	_, err := io.WriteString(c, request)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res.StatusCode, res.Header, string(body)}
}

func TestTraversalInEveryEncodingIsRefused(t *testing.T) {
	w := newFixture(t)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(w.dir), "secret.mp4"), []byte("secret"), 0o644))
	w.put("live/x.mp4", []byte("fine"))
	_, addr := w.run()
	for _, path := range []string{
		"../secret.mp4", "live/../../secret.mp4", "./live/x.mp4", "live//x.mp4", "/live/x.mp4", "..",
		"%2e%2e/secret.mp4", "%2E%2E/secret.mp4", ".%2e/secret.mp4", "%2e./secret.mp4", "live/%2e%2e/%2e%2e/secret.mp4",
		"..%2fsecret.mp4", "..%2Fsecret.mp4", "%2e%2e%2fsecret.mp4", "live%2fx.mp4", "live%2Fx.mp4",
		"..%5csecret.mp4", "..\\secret.mp4", "%2e%2e%5Csecret.mp4",
		"x%00.mp4", "secret.mp4%00.mp4", "x%0a.mp4", "x%0d%0aSet-Cookie:a.mp4", "x%7f.mp4", "x%1b.mp4",
		"%c0%ae%c0%ae/secret.mp4", "%e0%80%ae%e0%80%ae/secret.mp4", "%ff.mp4", "%u002e%u002e/secret.mp4", "%zz.mp4", "%2",
		strings.Repeat("a/", 2500) + "x.mp4", strings.Repeat("a", 5000) + ".mp4",
	} {
		for _, method := range []string{"GET /mp4/vod/", "GET /mp4/status/", "POST /mp4/start/", "POST /mp4/stop/"} {
			r := raw(t, addr, method+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			require.Equal(t, 400, r.code, "%s%.80s", method, path)
			require.NotContains(t, r.body, "secret.mp4\x00")
			require.Empty(t, r.header.Get("Set-Cookie"))
		}
	}
	for _, target := range []string{"http://localhost/../secret.mp4", "*", "//evil/x", "/mp4/vod", "/mp4/vod/", "/%6dp4/list"} {
		r := raw(t, addr, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		require.Contains(t, []int{200, 400, 404}, r.code, target)
		require.NotEqual(t, "secret", r.body)
	}
	require.Empty(t, w.recording, "nothing was started")
	require.Equal(t, "fine", fetch(t, "GET", "http://"+addr+"/mp4/vod/%6cive/x%2emp4").body, "decoded once")
	do(w.server(), "GET", "/mp4/status/%252e%252e/x", "").refused(t, 404) // not decoded twice: the name of no stream
}

func TestStreamPathsMustBePaths(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	for _, p := range []string{"", "live/", strings.Repeat("a", 513)} {
		do(s, "POST", "/mp4/start/"+p+"?wait=true", "").refused(t, 400)
		do(s, "GET", "/mp4/status/"+p, "").refused(t, 400)
	}
	require.Empty(t, w.recording)
}

func TestHugeHeaderIsCutOff(t *testing.T) {
	w := newFixture(t)
	_, addr := w.run()
	c := dial(t, addr)
	_, err := io.WriteString(c, "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: ")
	require.NoError(t, err)
	junk := []byte(strings.Repeat("x", 1<<20))
	sent := 0
	for ; sent < 1<<30 && err == nil; sent += len(junk) {
		_, err = c.Write(junk)
	}
	require.Less(t, sent, 1<<30, "the server read a header of 1 GB")
	require.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), "%v", err)
	require.Equal(t, 431, raw(t, addr, "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 30<<10)+"\r\n\r\n").code)
	require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	const short = 100 * time.Millisecond
	_, addr := w.run(func(c *Config, _ *Deps) { c.Limits.ReadHeader, c.Limits.ReadBody, c.Limits.Idle = short, short, short })
	_, bodies := w.run(func(c *Config, _ *Deps) { c.Limits.ReadBody = short }) // waits for the header, however slow this test is
	for name, begin := range map[string]string{
		"nothing":        "",
		"half a line":    "GET /mp4/li",
		"half a header":  "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: ",
		"no body":        "PATCH /mp4/records/" + rec.ID.String() + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
		"body of a POST": "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
		"idle":           "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		server := addr
		if name == "no body" {
			server = bodies
		}
		c := dial(t, server)
		_, err := io.WriteString(c, begin)
		require.NoError(t, err)
		all, err := io.ReadAll(c)
		require.True(t, err == nil || errors.Is(err, syscall.ECONNRESET), "%s: the connection stays: %v", name, err)
		if name == "no body" {
			require.Contains(t, string(all), "408 Request Timeout")
			require.NotContains(t, string(all), "127.0.0.1")
		}
	}
}

func TestClientThatStopsReadingIsDropped(t *testing.T) {
	w := newFixture(t)
	w.put("x.mp4", make([]byte, 64<<20))
	s, addr := w.run(func(c *Config, _ *Deps) { c.Limits.Stall = 200 * time.Millisecond })
	c := dial(t, addr)
	_, err := io.WriteString(c, "GET /mp4/vod/x.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 100))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !s.readers.Busy("x.mp4") }, patience, 5*time.Millisecond)
	require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
}

func TestTenThousandIdleConnectionsDoNotLockOutOthers(t *testing.T) {
	w := newFixture(t)
	s, addr := w.run()
	for range 10_000 {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
	}
	require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
	require.LessOrEqual(t, s.front.live.Counts().Open, 1024)
}

func TestBusyConnectionsAreNotClosedForNewOnes(t *testing.T) {
	w := newFixture(t)
	w.put("x.mp4", make([]byte, 64<<20))
	s, addr := w.run(func(c *Config, _ *Deps) { c.Limits.Connections = 2 })
	var readers []*net.TCPConn
	for range 2 {
		c := dial(t, addr)
		_, err := io.WriteString(c, "GET /mp4/vod/x.mp4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 1000))
		require.NoError(t, err)
		readers = append(readers, c)
	}
	n, err := dial(t, addr).Read(make([]byte, 1))
	require.Zero(t, n)
	require.Error(t, err, "there is no room for a third")
	for _, c := range readers {
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		n, err := io.Copy(io.Discard, c)
		require.NoError(t, err)
		require.Greater(t, n, int64(64<<20-1000), "the file arrives in whole")
	}
	require.Eventually(t, func() bool { return s.front.live.Counts() == conn.Counts{} }, patience, time.Millisecond)
	require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
}

func TestOneAddressDoesNotTakeEveryConnection(t *testing.T) {
	w := newFixture(t)
	w.put("x.mp4", make([]byte, 64<<20))
	_, addr := w.run(func(c *Config, _ *Deps) { c.Limits.Connections = 8 })
	download := func(from string) *net.TCPConn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", addr)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		_, err = io.WriteString(c, "GET /mp4/vod/x.mp4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 1000))
		require.NoError(t, err, "it is served")
		return c.(*net.TCPConn)
	}
	var slow []*net.TCPConn
	for range 8 {
		slow = append(slow, download("127.0.0.2"))
	}
	first, second := download("127.0.0.1"), download("127.0.0.3")
	for i, c := range append(slow, first, second) {
		require.NoError(t, c.SetDeadline(time.Now().Add(patience))) // it has waited for the other downloads' gigabyte
		n, err := io.Copy(io.Discard, c)
		if i < 2 { // the oldest of the address with the most connections
			require.True(t, err != nil || n < 64<<20-1000, "connection %d", i)
			continue
		}
		require.NoError(t, err, "connection %d", i)
	}
}

func TestForgedFramingIsRefused(t *testing.T) {
	w := newFixture(t)
	_, addr := w.run()
	for name, request := range map[string]string{
		"no host":         "GET /mp4/list HTTP/1.1\r\n\r\n",
		"two hosts":       "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n",
		"two lengths":     "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"negative length": "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"huge length":     "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"null in header":  "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
		"bad method":      "G@T /mp4/list HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"not HTTP":        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		require.Equal(t, 400, raw(t, addr, request).code, name)
	}
	chunked := "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	require.Equal(t, 200, raw(t, addr, chunked+"0\r\n\r\n").code)
	require.Equal(t, 413, raw(t, addr, "POST /mp4/stop/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n").code)
	require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
}

func TestShutdownLetsRequestsFinishAndCutsTheRest(t *testing.T) {
	w := newFixture(t)
	w.put("x.mp4", make([]byte, 64<<20))
	_, addr := w.run(func(c *Config, _ *Deps) { c.Limits.Shutdown = 50 * time.Millisecond })
	c := dial(t, addr)
	_, err := io.WriteString(c, "GET /mp4/vod/x.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 100))
	require.NoError(t, err)
	// The cleanup stops the server while this client does not read: it must return without an error, and goleak finds
	// leftover goroutines.
}

// The footage of several streams is not played as that of one.
func TestAPatternIsNoStream(t *testing.T) {
	s := newFixture(t).server(withSide)
	for _, path := range []string{"play/%s?start=0", "hls/%s/index.m3u8?start=0", "timeline/%s?start=0", "frame/%s?at=0"} {
		for _, stream := range []string{"*", "**", "live/*", "live/**"} {
			got := do(s, "GET", "/mp4/"+fmt.Sprintf(path, stream), "")
			got.refused(t, 400)
			require.Contains(t, got.body, "is a pattern")
		}
	}
}
