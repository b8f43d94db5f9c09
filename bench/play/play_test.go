package play

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptionsOutsideOfTheirBoundsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Formats: []string{"ts"}}, {Span: time.Second}, {Span: time.Minute, Files: 7}, {Files: -1}, {Bitrate: 5}, {FPS: 1000}, {Viewers: []int{1, 0}}, {Runs: -1},
	} {
		_, err := Measure(t.Context(), o)
		require.ErrorIs(t, err, ErrOptions, "%+v", o)
	}
	o, err := Options{}.checked()
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, o.fileLength())
	require.Equal(t, Formats, o.Formats)
}

// TestAClientFetchesAllOfASpan counts what a client of a playlist fetches: ranges of two files and the whole of another one.
func TestAClientFetchesAllOfASpan(t *testing.T) {
	files := map[string]string{
		"/a/index.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8?start=5\n",
		"/a/media.m3u8": "#EXTM3U\n#EXT-X-MAP:URI=\"init/x.mp4\",BYTERANGE=\"10@0\"\n#EXTINF:2,\n#EXT-X-BYTERANGE:30@5\n../vod/x.mp4?id=1\n" +
			"#EXTINF:2,\n#EXT-X-BYTERANGE:7@35\n../vod/x.mp4?id=1\n#EXT-X-MAP:URI=\"init/y.mp4\"\n#EXTINF:2,\n../vod/y.mp4\n#EXT-X-ENDLIST\n",
		"/a/init/x.mp4": strings.Repeat("i", 12), "/vod/x.mp4": strings.Repeat("x", 50), "/a/init/y.mp4": strings.Repeat("j", 11), "/vod/y.mp4": strings.Repeat("y", 100),
	}
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Range"))
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
	defer srv.Close()
	got, err := newClient().fetch(t.Context(), srv.URL+"/a/index.m3u8", "hls")
	require.NoError(t, err)
	require.Equal(t, []string{
		"/a/index.m3u8 ", "/a/media.m3u8 ", "/a/init/x.mp4 bytes=0-9", "/vod/x.mp4 bytes=5-34", "/vod/x.mp4 bytes=35-41", "/a/init/y.mp4 ", "/vod/y.mp4 ",
	}, asked)
	require.EqualValues(t, len(files["/a/index.m3u8"])+len(files["/a/media.m3u8"])+10+30+7+11+100, got.bytes)
	require.Positive(t, got.firstByte)
	_, err = newClient().fetch(t.Context(), srv.URL+"/b", "mp4")
	require.ErrorContains(t, err, "404 Not Found")
}

func TestTheReportRelatesSpoolToNginx(t *testing.T) {
	r := Report{Machine: "a machine", SpanSeconds: 3600, Files: 12, Bitrate: 2e6, FPS: 25, Runs: 2}
	for _, viewers := range []int{1, 4} {
		for n := range 3 {
			cpu := time.Duration(20*(n+1)) * time.Millisecond
			r.add("mp4", "warm", viewers, cost{time.Millisecond, time.Second, cpu, 2e6, 100e6}, cost{2 * time.Millisecond, 2 * time.Second, 0, 1e6, 100e6}, true)
		}
	}
	require.Len(t, r.Rows, 2)
	row := &r.Rows[0]
	require.InDelta(t, 0.5, row.Get("x-nginx-first-byte"), 1e-9)
	require.InDelta(t, 2, row.Get("x-nginx-MB/s"), 1e-9)
	require.InDelta(t, 4, row.Get("x-nginx-cpu"), 1e-9, "40 ms, and less than the 10 ms of a tick")
	require.InDelta(t, 400, row.Get("cpu-us/MB"), 1e-9)
	var out bytes.Buffer
	require.NoError(t, r.WriteTable(&out))
	require.Contains(t, out.String(), "a machine\nplay: 1h0m0s in 12 files, 2000000 bit/s, 25 pictures/s with sound; rounds: 2\n")
	require.Contains(t, out.String(), "(2-6)", "the spread of the CPU time")
	plots := r.Plots()
	require.Len(t, plots, 2)
	require.Equal(t, [][2]float64{{1, 100}, {4, 100}}, plots["play-throughput"].Lines[0].Points)
	require.Equal(t, "nginx mp4", plots["play-throughput"].Lines[1].Name)
	require.Empty(t, (&Report{}).Plots())
}

// TestTheFootageIsThatOfItsOptions makes recordings, and a stand-in for spool that takes the command reindex.
func TestTheFootageIsThatOfItsOptions(t *testing.T) {
	dir := t.TempDir()
	takes := filepath.Join(dir, "spool")
	require.NoError(t, os.WriteFile(takes, []byte("#!/bin/sh\n[ \"$1\" = reindex ] && grep -q record_path \"$3\"\n"), 0o700))
	o, err := Options{Spool: takes, Span: 6 * time.Second, Files: 3, Bitrate: 200_000}.checked()
	require.NoError(t, err)
	steps := 0
	f, err := record(t.Context(), dir, &o, func() { steps++ })
	require.NoError(t, err)
	require.Equal(t, 3, steps)
	found, err := filepath.Glob(filepath.Join(f.recordings, "*.mp4"))
	require.NoError(t, err)
	require.Len(t, found, 3)
	require.Equal(t, int64(6*time.Second), f.endUTC-f.startUTC)
	require.Contains(t, f.path("mp4"), "/mp4/play/live/bench?end=")
	if err := f.forget(); err != nil {
		require.ErrorContains(t, err, "unsupported")
	}
}
