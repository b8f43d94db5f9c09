package api

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/conn"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
)

func TestVodListsFilesThatCanBeFetched(t *testing.T) {
	w := newFixture(t)
	one := w.add(1, "live/camera01")
	w.add(2, "live/camera01", func(r *media.Record) { r.Path = "live/räume/a b.mp4" })
	w.add(3, "live/camera01", func(r *media.Record) { r.State = "lost" })
	w.add(4, "live/camera01", func(r *media.Record) { r.State = "recording" })
	w.add(5, "live/camera01", func(r *media.Record) { r.Elsewhere = true })
	s := w.server()
	m := do(s, "GET", "/mp4/vod?order=asc", "").json(t)
	require.Equal(t, "success", m["status"])
	require.Equal(t, 3.0, m["count"])
	first := m["files"].([]any)[0].(map[string]any)
	require.Equal(t, "live_camera01_01.mp4", first["filename"])
	require.Equal(t, 100.0, first["size"])
	require.Equal(t, 60.0, first["duration"])
	require.Equal(t, "2026-03-01T01:00:00.123456789Z", first["start_time"])
	require.Equal(t, "/mp4/vod/live_camera01_01.mp4?id="+one.ID.String(), first["url"])
	second := m["files"].([]any)[1].(map[string]any)
	require.Equal(t, 200, do(s, "GET", second["url"].(string), "").code, "the url that is given out works")
	require.Equal(t, true, m["files"].([]any)[2].(map[string]any)["growing"])
}

func TestAGrowingFileIsServedUpToItsLastPlayableByte(t *testing.T) {
	w := newFixture(t)
	data := footageBytes(9000)
	w.put("live/x.mp4.part", data)
	w.growing["live/x.mp4"] = 8000
	_, base := w.run()
	for _, name := range []string{"live/x.mp4", "live/x.mp4.part"} {
		url := "http://" + base + "/mp4/vod/" + name
		r := fetch(t, "GET", url)
		require.Equal(t, 200, r.code)
		require.Equal(t, string(data[:8000]), r.body)
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
		require.Empty(t, r.header.Get("ETag"), "its bytes are not those of the finished file")
		require.Empty(t, r.header.Get("Last-Modified"))
		r = fetch(t, "GET", url, "Range", "bytes=7990-")
		require.Equal(t, "bytes 7990-7999/8000", r.header.Get("Content-Range"))
		require.Equal(t, string(data[7990:8000]), r.body)
		require.Equal(t, 416, fetch(t, "GET", url, "Range", "bytes=8000-").code)
		require.Equal(t, 206, fetch(t, "GET", url, "Range", "bytes=0-1,7998-").code)
	}
	w.mu.Lock()
	delete(w.growing, "live/x.mp4")
	w.mu.Unlock()
	require.NoError(t, os.Rename(filepath.Join(w.dir, "live/x.mp4.part"), filepath.Join(w.dir, "live/x.mp4")))
	require.Equal(t, string(data), fetch(t, "GET", "http://"+base+"/mp4/vod/live/x.mp4").body, "a finished file is served whole")
	require.Equal(t, 404, fetch(t, "GET", "http://"+base+"/mp4/vod/live/x.mp4.part").code)
}

func TestDownloadNamesTheFile(t *testing.T) {
	w := newFixture(t)
	w.put("live/ü\"x.mp4", nil)
	r := do(w.server(), "GET", "/mp4/vod/live/%C3%BC%22x.mp4?download=true", "")
	require.Equal(t, `attachment; filename="__x.mp4"`, r.header.Get("Content-Disposition"))
}

// The server serves only footage below the record directory, whatever the name is and wherever a link points.
func TestFilesOutsideAreNotServed(t *testing.T) {
	w := newFixture(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret.mp4"), []byte("secret"), 0o644))
	w.put("spool.db", []byte("secret"))
	w.put(".hidden/x.mp4", []byte("secret"))
	w.put("left.mp4.part", []byte("secret"))
	w.put("inside.mp4", []byte("fine"))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.mp4"), filepath.Join(w.dir, "link.mp4")))
	require.NoError(t, os.Symlink(outside, filepath.Join(w.dir, "dir")))
	require.NoError(t, os.Symlink("../"+filepath.Base(outside)+"/secret.mp4", filepath.Join(w.dir, "up.mp4")))
	require.NoError(t, os.Symlink("inside.mp4", filepath.Join(w.dir, "alias.mp4")))
	require.NoError(t, os.Symlink("spool.db", filepath.Join(w.dir, "loop.mp4")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(w.dir, "fifo.mp4"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "folder.mp4"), 0o755))
	s := w.server()
	for _, name := range []string{"link.mp4", "dir/secret.mp4", "up.mp4", "spool.db", ".hidden/x.mp4", "left.mp4.part",
		"left.mp4", "alias.mp4", "fifo.mp4", "folder.mp4", "none.mp4", "inside.mp4/x.mp4", "%2e%2e.mp4/x", "spool.db%20.mp4", "%252e%252e/x.mp4"} {
		text := do(s, "GET", "/mp4/vod/"+name, "").refused(t, 404)
		require.NotContains(t, text, outside)
		require.NotContains(t, text, w.dir)
	}
	require.Equal(t, "fine", do(s, "GET", "/mp4/vod/inside.mp4", "").body)
}

func TestMissingRecordDirectoryIsNotShown(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(_ *Config, d *Deps) { d.Files = playback.NewDir("/nowhere/at/all", nil) })
	require.NotContains(t, do(s, "GET", "/mp4/vod/x.mp4", "").refused(t, 404), "nowhere")
}

// A file goes from disk to socket by sendfile(2): the TCP connection's ReadFrom gets a bounded file, finished or
// growing, and no copy.
func TestFootageReachesTheConnectionAsAFile(t *testing.T) {
	w := newFixture(t)
	data := footageBytes(2*(4<<20) + 12345)
	w.put("x.mp4", data)
	w.put("growing.mp4.part", data)
	w.growing["growing.mp4"] = int64(len(data)) - 5
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	spy := &spyListener{Listener: conn.NewListener(l.(*net.TCPListener), 1024, 15*time.Second)}
	srv := &http.Server{Handler: w.server(), ConnState: spy.Changed}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(spy) }()
	defer func() { require.NoError(t, srv.Close()); <-served }()
	for _, name := range []string{"x.mp4", "growing.mp4"} {
		spy.fromFile.Store(0)
		r := fetch(t, "GET", "http://"+l.Addr().String()+"/mp4/vod/"+name)
		require.Equal(t, 200, r.code)
		require.True(t, strings.HasPrefix(string(data), r.body))
		require.GreaterOrEqual(t, spy.fromFile.Load(), int64(len(r.body)-512), "all except the bytes that net/http reads to begin the answer")
	}
}

// spyListener counts the bytes that its connections were handed as a file.
type spyListener struct {
	*conn.Listener
	fromFile atomic.Int64
}

func (l *spyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spyConn{c.(*conn.Conn), &l.fromFile}, nil
}

type spyConn struct {
	*conn.Conn
	fromFile *atomic.Int64
}

func (c *spyConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.Conn.ReadFrom(r)
	if lr, ok := r.(*io.LimitedReader); ok {
		if _, ok := lr.R.(syscall.Conn); ok {
			c.fromFile.Add(n)
		}
	}
	return n, err
}
