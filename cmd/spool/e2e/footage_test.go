package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/proc"
)

// startNginx serves a directory on a free port.
func startNginx(t testing.TB, dir string) (url string, pids []int) {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	require.NoError(t, err, "nginx is not installed: make test installs it")
	addr := freeAddress(t)
	prefix := t.TempDir()
	conf := fmt.Sprintf(`daemon off; user root; worker_processes auto; pid %[1]s/pid; error_log stderr;
events { worker_connections 512; }
http { access_log off; types { video/mp4 mp4; } sendfile on; if_modified_since before;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen %[2]s; root %[3]s; } }`, prefix, addr, dir)
	file := filepath.Join(prefix, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf), 0o644))
	cmd := exec.Command(bin, "-p", prefix, "-c", file)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond, "nginx did not listen")
	return "http://" + addr + "/", workers(t, cmd.Process.Pid)
}

// workers returns a process and its children.
func workers(t testing.TB, pid int) []int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	require.NoError(t, err)
	pids := []int{pid}
	for _, child := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(child)
		require.NoError(t, err)
		pids = append(pids, n)
	}
	return pids
}

// The requests for a file: each range under each condition. {etag}, {date}, {before} and {after}
// stand for values of the server under test.
var (
	ranges = []string{"", "bytes=0-0", "bytes=100-199", "bytes=0-", "bytes=-500", "bytes=20000-30000", "bytes=99999999-", "bytes=5-3", "bytes=x",
		"bytes=0-9,20-29", "bytes=20-29,-5", "bytes=0-,0-", "items=0-9"}
	conditions = [][2]string{{}, {"If-Range", "{etag}"}, {"If-Range", `"x"`}, {"If-Range", "{date}"}, {"If-Range", "{before}"},
		{"If-None-Match", "{etag}"}, {"If-None-Match", `"x"`}, {"If-Match", `"x"`}, {"If-Match", "{etag}"},
		{"If-Modified-Since", "{date}"}, {"If-Modified-Since", "{before}"}, {"If-Unmodified-Since", "{before}"}}
)

// TestRangesOfARecordingAreAnsweredAsNginxDoes sends 312 requests for a recording to the built
// binary and to nginx, and requires the same responses. Package api compares more headers on a
// server of its own.
func TestRangesOfARecordingAreAnsweredAsNginxDoes(t *testing.T) {
	t.Parallel()
	r := serve(t, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`)
	r.start("live/a", "?duration=2")
	rec := r.awaitRecords("live/a", 1)[0]
	theirs, _ := startNginx(t, r.files)
	for _, method := range []string{"GET", "HEAD"} {
		for _, c := range conditions {
			for _, span := range ranges {
				got, want := r.fetch(method, r.api+"/mp4/vod/"+rec.File, c, span), r.fetch(method, theirs+rec.File, c, span)
				require.Equal(t, want, got, "%s %s %q", method, c, span)
			}
		}
	}
}

// fetched holds the parts of a response that must be the same from any server.
type fetched struct {
	code                    int
	contentRange, kind, all string
}

func (r *recorder) fetch(method, url string, condition [2]string, span string) (f fetched) {
	r.t.Helper()
	ask := func(method string, header http.Header) (*http.Response, []byte) {
		req, err := http.NewRequestWithContext(r.t.Context(), method, url, nil)
		require.NoError(r.t, err)
		req.Header = header
		resp := r.do(req)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(r.t, err)
		return resp, body
	}
	plain, _ := ask("HEAD", http.Header{})
	date, err := http.ParseTime(plain.Header.Get("Last-Modified"))
	require.NoError(r.t, err)
	header := http.Header{}
	if span != "" {
		header.Set("Range", span)
	}
	if condition[0] != "" {
		header.Set(condition[0], strings.NewReplacer("{etag}", plain.Header.Get("ETag"), "{date}", date.Format(http.TimeFormat),
			"{before}", date.Add(-time.Hour).Format(http.TimeFormat)).Replace(condition[1]))
	}
	resp, body := ask(method, header)
	f = fetched{code: resp.StatusCode, contentRange: resp.Header.Get("Content-Range")}
	if f.code != 200 && f.code != 206 {
		return f // each server has its own text of errors
	}
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	require.NoError(r.t, err)
	f.kind, f.all = kind, string(body)
	if kind == "multipart/byteranges" {
		f.all = parts(r.t, body, params["boundary"])
	}
	return f
}

func parts(t *testing.T, body []byte, boundary string) (all string) {
	t.Helper()
	for m := multipart.NewReader(bytes.NewReader(body), boundary); len(body) > 0; {
		p, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		data, err := io.ReadAll(p)
		require.NoError(t, err)
		all += p.Header.Get("Content-Range") + p.Header.Get("Content-Type") + string(data)
	}
	return all
}

// BenchmarkFootage lets a hundred parallel clients read a gigabyte from the built binary and
// then from nginx, repeatedly. The result is the ratio of the medians.
func BenchmarkFootage(b *testing.B) {
	const clients, each = 100, 10 << 20
	path, err := staticBinary()
	require.NoError(b, err)
	dir := b.TempDir()
	files := filepath.Join(dir, "recordings")
	require.NoError(b, os.MkdirAll(files, 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(files, "x.mp4"), bytes.Repeat([]byte("0123456789abcdef"), each/16), 0o644))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("streams: {live/a: {}}\n"), 0o644))
	book := &logBook{}
	cmd := exec.Command(path, append(slices.Clone(anywhere), "--set", "http/serve_unknown_files=true")...)
	cmd.Dir, cmd.Stderr = dir, book
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	r := &recorder{book: book}
	require.Eventually(b, func() bool { return r.find("spool is ready") != nil }, patience, 10*time.Millisecond)
	theirs, pids := startNginx(b, files)
	urls := [2]string{r.find("spool is ready").text("api") + "/mp4/vod/x.mp4", theirs + "x.mp4"}
	servers := [2][]int{{cmd.Process.Pid}, pids}
	var took, cpu [2][]float64
	for b.Loop() {
		for i, url := range urls {
			before, began := consumed(b, servers[i]), time.Now()
			readAtOnce(b, url, clients, each)
			took[i] = append(took[i], time.Since(began).Seconds())
			cpu[i] = append(cpu[i], (consumed(b, servers[i]) - before).Seconds())
		}
	}
	b.ReportMetric(clients*each/1e6/median(took[0]), "spool-MB/s")
	b.ReportMetric(clients*each/1e6/median(took[1]), "nginx-MB/s")
	b.ReportMetric(median(took[1])/median(took[0]), "of-nginx")
	b.ReportMetric(median(cpu[0])/median(cpu[1]), "cpu-to-nginx")
	b.ReportMetric(0, "ns/op")
}

// consumed returns the CPU time of some processes.
func consumed(b *testing.B, pids []int) (all time.Duration) {
	for _, pid := range pids {
		u, err := proc.Read(pid)
		require.NoError(b, err)
		all += u.CPU()
	}
	return all
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func readAtOnce(b *testing.B, url string, clients int, each int64) {
	var all sync.WaitGroup
	transport := &http.Transport{ReadBufferSize: 256 << 10, DisableCompression: true}
	defer transport.CloseIdleConnections()
	errs := make([]error, clients)
	for i := range clients {
		all.Go(func() {
			resp, err := (&http.Client{Transport: transport}).Get(url)
			if err != nil {
				errs[i] = err
				return
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if err == nil && n != each {
				err = io.ErrUnexpectedEOF
			}
			errs[i] = err
		})
	}
	all.Wait()
	require.NoError(b, errors.Join(errs...))
}
