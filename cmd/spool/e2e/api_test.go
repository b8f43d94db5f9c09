package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// status holds the fields of GET /mp4/status that the tests read.
type status struct {
	Recording      bool      `json:"recording"`
	State          string    `json:"state"`
	File           string    `json:"file"`
	Bytes          int64     `json:"bytes"`
	AccessUnits    uint64    `json:"access_units"`
	Segments       uint64    `json:"segments"`
	LastAccessUnit time.Time `json:"last_access_unit"`
	LastWritten    time.Time `json:"last_written"`
	Drops          []drop    `json:"drops"`
	Gaps           uint64    `json:"gaps"`
	LastError      string    `json:"last_error"`
	Unrecorded     []string  `json:"unrecorded"`
	Warnings       []string  `json:"warnings"`
	Problems       []struct {
		Problem string `json:"problem"`
	} `json:"problems"`
	Ring struct {
		Seconds float64 `json:"seconds"`
	} `json:"ring"`
	Finish struct {
		File         string `json:"file"`
		BytesWritten int64  `json:"bytes_written"`
		FileBytes    int64  `json:"file_bytes"`
	} `json:"finish"`
}

type drop struct {
	Cause       string `json:"cause"`
	AccessUnits uint64 `json:"access_units"`
}

// stream holds the fields of GET /mp4/streams that the tests read.
type stream struct {
	Path        string `json:"path"`
	State       string `json:"state"`
	AccessUnits uint64 `json:"access_units"`
	Drops       []drop `json:"drops"`
	Subscribers int    `json:"subscribers"`

	Unrecorded []string `json:"unrecorded"`

	PullFailures int `json:"pull_failures"`
	Problems     []struct {
		Problem string `json:"problem"`
	} `json:"problems"`
}

// record holds the fields of GET /mp4/records that the tests read.
type record struct {
	Stream    string    `json:"stream_path"`
	File      string    `json:"file_path"`
	Start     time.Time `json:"start_time"`
	End       time.Time `json:"end_time"`
	Duration  float64   `json:"duration"`
	Size      int64     `json:"size"`
	State     string    `json:"state"`
	EndReason string    `json:"end_reason"`
	Gap       *struct {
		Cause   string  `json:"cause"`
		Seconds float64 `json:"seconds"`
	} `json:"gap"`
}

// ask sends a request and returns the response's code and body.
func (r *recorder) ask(method, path string) (int, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.api+path, nil)
	require.NoError(r.t, err)
	resp := r.do(req)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, body
}

// unread is the time that the server leaves a client for the header of a request (api.Limits.ReadHeader).
const unread = 5 * time.Second

// do sends a request, and sends it again if it has no response because this process slept, as on a busy machine: a GET
// after any error, and any request of which the server has closed the connection when its header was overdue.
func (r *recorder) do(req *http.Request) *http.Response {
	r.t.Helper()
	for tries := 1; ; tries++ {
		began := time.Now()
		resp, err := client.Do(req)
		if err == nil {
			return resp
		}
		closed := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || strings.Contains(err.Error(), "server closed idle connection")
		overdue := closed && time.Since(began) >= unread
		require.True(r.t, (req.Method == http.MethodGet || overdue) && tries < 5, "%s %s: %v", req.Method, req.URL, err)
		if req.GetBody != nil {
			req.Body, err = req.GetBody()
			require.NoError(r.t, err)
		}
	}
}

// client keeps no idle connection, so that the recorder's descriptors are its own.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// answer sends a request whose response must be JSON with code 200.
func answer[T any](r *recorder, method, path string) (out T) {
	r.t.Helper()
	code, body := r.ask(method, path)
	require.Equal(r.t, http.StatusOK, code, "%s %s: %s", method, path, body)
	require.NoError(r.t, json.Unmarshal(body, &out), "%s", body)
	return out
}

// start starts a recording and waits until it reads the stream: some tests send faster than any
// camera.
func (r *recorder) start(stream, query string) {
	r.t.Helper()
	require.Equal(r.t, map[string]string{"status": "started", "stream": stream},
		answer[map[string]string](r, "POST", "/mp4/start/"+stream+query))
	eventually(r.t, "the recording reads "+stream, func() bool { return r.stream(stream).Subscribers > 0 })
}

func (r *recorder) stop(stream string) {
	r.t.Helper()
	require.Equal(r.t, map[string]string{"status": "stopped", "stream": stream},
		answer[map[string]string](r, "POST", "/mp4/stop/"+stream))
}

func (r *recorder) status(stream string) status {
	r.t.Helper()
	return answer[status](r, "GET", "/mp4/status/"+stream)
}

// stream returns one row of the list of streams; empty if there is none.
func (r *recorder) stream(path string) stream {
	r.t.Helper()
	list := answer[struct{ Streams []stream }](r, "GET", "/mp4/streams").Streams
	for _, s := range list {
		if s.Path == path {
			return s
		}
	}
	return stream{}
}

// records returns the recordings of a stream, oldest first.
func (r *recorder) records(stream string) []record {
	r.t.Helper()
	return answer[struct{ Records []record }](r, "GET", "/mp4/records?order=asc&stream="+stream).Records
}

// awaitRecords waits until a stream has n recordings and all of them have ended.
func (r *recorder) awaitRecords(stream string, n int) (out []record) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d recordings of %s", n, stream), func() bool {
		out = r.records(stream)
		for _, rec := range out {
			if rec.State == "recording" {
				return false
			}
		}
		return len(out) >= n
	})
	return out
}

// awaitUnits waits until a stream's open file holds n access units.
func (r *recorder) awaitUnits(stream string, n uint64) (s status) {
	r.t.Helper()
	until := time.Now().Add(patience)
	for s = r.status(stream); s.AccessUnits < n; s = r.status(stream) {
		require.True(r.t, time.Now().Before(until), "%s has not %d access units: %+v %+v", stream, n, s, r.stream(stream))
		time.Sleep(20 * time.Millisecond) // the interval of polling
	}
	return s
}

// metric returns one value of GET /metrics.
func (r *recorder) metric(name string) float64 {
	r.t.Helper()
	_, body := r.ask("GET", "/metrics")
	for text := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(text, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(r.t, err)
			return f
		}
	}
	require.Fail(r.t, "no such metric", name)
	return 0
}
