package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withBody returns the header of a request with a body still to come.
func withBody(line, host, framing string) string {
	return line + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n" + framing + "\r\n\r\n"
}

// next reads one answer.
func next(t *testing.T, from *bufio.Reader) reply {
	t.Helper()
	res, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res.StatusCode, res.Header, string(text)}
}

// A client that sends 32 MiB to a server that has already refused it can read the answer: the connection is not reset.
func TestRefusedClientThatIsStillSendingReadsWhy(t *testing.T) {
	w := newFixture(t)
	patch := "PATCH /mp4/records/" + w.add(1, "a").ID.String()
	_, addr := w.run()
	const size = 32 << 20 // more than socket buffers hold
	length, chunked := fmt.Sprintf("Content-Length: %d", size), "Transfer-Encoding: chunked"
	for _, c := range []struct {
		name, header string
		code         int
	}{
		{"announced", withBody(patch, "localhost", length), 413},
		{"read too far", withBody(patch, "localhost", chunked), 413},
		{"never read", withBody("POST /mp4/stop/a", "localhost", chunked), 200},
		{"no such path", withBody("POST /nothing", "localhost", chunked), 404},
		{"no path at all", withBody("POST /mp4/stop/a//b", "localhost", chunked), 400},
		{"method", withBody("PUT /mp4/records", "localhost", chunked), 405},
		{"another's name", withBody("POST /mp4/stop/a", "evil.example", chunked), 403},
		{"another's name, announced", withBody("POST /mp4/stop/a", "evil.example", length), 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, addr)
			begin, end := "", ""
			if strings.Contains(c.header, chunked) {
				begin, end = fmt.Sprintf("%x\r\n", size), "\r\n0\r\n\r\n"
			}
			part := strings.Repeat(" ", 1<<20)
			_, err := io.WriteString(conn, c.header+begin+part)
			require.NoError(t, err)
			answers := bufio.NewReader(conn)
			require.Equal(t, c.code, next(t, answers).code)
			for range size/len(part) - 1 {
				_, err := io.WriteString(conn, part)
				require.NoError(t, err, "the answer is there, and the client has not read it yet")
			}
			_, err = io.WriteString(conn, end)
			require.NoError(t, err)
			if c.code != 413 && !strings.Contains(c.header, length) { // there the answer announces the close
				_, err = io.WriteString(conn, "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\n\r\n")
				require.NoError(t, err)
				require.Equal(t, 200, next(t, answers).code, "the next request is read where the body ends")
			}
			require.NoError(t, conn.CloseWrite())
			_, err = io.ReadAll(answers)
			require.NoError(t, err)
		})
	}
}

// A header too large is refused while it is still being sent, too.
func TestClientWithALargeHeaderReadsWhy(t *testing.T) {
	w := newFixture(t)
	_, addr := w.run()
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 30<<10))
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	require.Equal(t, 431, next(t, answers).code)
	for range 32 {
		_, err := io.WriteString(conn, strings.Repeat("x", 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, conn.CloseWrite())
	_, err = io.ReadAll(answers)
	require.NoError(t, err)
}

// A body that never arrives in whole holds its connection until the time limit, and its bytes are not read as the
// beginning of another request.
func TestBodyThatDoesNotComeEndsItsConnection(t *testing.T) {
	w := newFixture(t)
	patch := "PATCH /mp4/records/" + w.add(1, "a").ID.String()
	_, addr := w.run(func(c *Config, _ *Deps) { c.Limits.ReadBody = 100 * time.Millisecond })
	for name, begin := range map[string]string{
		"read":           withBody(patch, "localhost", "Content-Length: 100"),
		"never read":     withBody("POST /mp4/stop/a", "localhost", "Content-Length: 100"),
		"chunked":        withBody("POST /mp4/stop/a", "localhost", "Transfer-Encoding: chunked") + "64\r\n",
		"too long":       withBody(patch, "localhost", "Content-Length: 100000"),
		"far too long":   withBody(patch, "localhost", "Content-Length: 100000000"),
		"another's name": withBody("POST /mp4/stop/a", "evil.example", "Content-Length: 100"),
		"no path":        withBody("POST /mp4/stop/a//b", "localhost", "Content-Length: 100"),
		"no such path":   withBody("POST /nothing", "localhost", "Content-Length: 100"),
		"continue":       withBody("POST /nothing", "localhost", "Expect: 100-continue\r\nContent-Length: 100"),
	} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, begin+"GET /mp4/list HTTP/1.1\r\nHost: localhost\r\n\r\n") // 46 bytes
		require.NoError(t, err)
		all, err := io.ReadAll(conn)
		require.True(t, err == nil || errors.Is(err, syscall.ECONNRESET), "%s: the connection stays: %v", name, err)
		require.Equal(t, 1, strings.Count(string(all), "HTTP/1.1 "), "%s: one request, one answer: %s", name, all)
	}
}

// Clients that announce a body and send none do not keep the server from serving other clients, however long they
// take.
func TestClientsThatSendNoBodyDoNotLockOutOthers(t *testing.T) {
	w := newFixture(t)
	patch := "PATCH /mp4/records/" + w.add(1, "a").ID.String()
	s, addr := w.run(func(c *Config, _ *Deps) { c.Limits.Connections, c.Limits.ReadBody = 3, time.Hour })
	for name, begin := range map[string]string{
		"read":           withBody(patch, "localhost", "Content-Length: 100"),
		"continue":       withBody(patch, "localhost", "Content-Length: 100\r\nExpect: 100-continue"),
		"never read":     withBody("POST /mp4/stop/a", "localhost", "Content-Length: 100"),
		"chunked":        withBody(patch, "localhost", "Transfer-Encoding: chunked"),
		"too long":       withBody(patch, "localhost", "Content-Length: 100000"),
		"far too long":   withBody(patch, "localhost", "Content-Length: 100000000"),
		"another's name": withBody("POST /mp4/stop/a", "evil.example", "Content-Length: 100"),
		"no path":        withBody("POST /mp4/stop/a//b", "localhost", "Content-Length: 100"),
		"no such path":   withBody("POST /nothing", "localhost", "Content-Length: 100"),
		"endless header": "GET /mp4/list HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 30<<10),
	} {
		t.Run(name, func(t *testing.T) {
			var idlers []net.Conn
			for range 3 {
				conn := dial(t, addr)
				_, err := io.WriteString(conn, begin)
				require.NoError(t, err)
				idlers = append(idlers, conn)
			}
			require.Eventually(t, func() bool { return s.waitingFor(3) }, patience, time.Millisecond, "all are only waited for")
			require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/mp4/list").code)
			for _, conn := range idlers {
				conn.Close()
			}
			require.Eventually(t, func() bool { return s.waitingFor(0) }, patience, time.Millisecond)
		})
	}
}

// waitingFor reports whether n connections wait for the end of a request, while the server works on no other.
func (s *Server) waitingFor(n int) bool {
	c := s.front.live.Counts()
	return c.Waiting == n && c.Open == c.Idle
}
