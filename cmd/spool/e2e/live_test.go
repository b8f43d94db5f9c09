package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// watcher reads a live stream into a file until its connection is closed.
type watcher struct {
	file string
	done chan struct{}
}

// watch begins to read a live stream as one endless file.
func (r *recorder) watch(stream string) *watcher {
	r.t.Helper()
	resp, err := client.Get(r.api + "/mp4/live/" + stream + ".mp4")
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, resp.StatusCode)
	v := &watcher{file: filepath.Join(r.t.TempDir(), "live.mp4"), done: make(chan struct{})}
	f, err := os.Create(v.file)
	require.NoError(r.t, err)
	go func() {
		defer close(v.done)
		_, _ = io.Copy(f, resp.Body) // the recorder ends it
		_ = resp.Body.Close()
		_ = f.Close()
	}()
	return v
}

// playlistOf begins to play a live stream by HLS, and returns the path of its media playlist.
func (r *recorder) playlistOf(stream string) string {
	r.t.Helper()
	base := "/mp4/live/" + stream + "/"
	master := strings.TrimSpace(string(r.fetched(base + "index.m3u8")))
	return base + master[strings.LastIndexByte(master, '\n')+1:]
}

// mediaOf fetches the media of a live playlist into a file: its segments, and the parts of the newest one.
func (r *recorder) mediaOf(playlist string) (file string) {
	r.t.Helper()
	base := playlist[:strings.LastIndexByte(playlist, '/')+1]
	list := string(r.fetched(playlist))
	last := strings.LastIndex(list, "#EXTINF")
	uris := regexp.MustCompile(`init-\d+\.m4s[^"\n]*|(?m)^segment-\d+\.m4s.*$`).FindAllString(list, -1)
	uris = append(uris, regexp.MustCompile(`part-\d+\.m4s[^"\n]*`).FindAllString(list[max(last, 0):strings.Index(list, "#EXT-X-PRELOAD-HINT")], -1)...)
	var all []byte
	for _, uri := range uris {
		all = append(all, r.fetched(base+uri)...)
	}
	file = filepath.Join(r.t.TempDir(), "hls.mp4")
	require.NoError(r.t, os.WriteFile(file, all, 0o600))
	return file
}

func (r *recorder) fetched(path string) []byte {
	r.t.Helper()
	code, body := r.ask("GET", path)
	require.Equal(r.t, http.StatusOK, code, "%s: %s", path, body)
	return body
}

// requireTail fails unless a file has the last packets of another one, with at least least of them.
func requireTail(t *testing.T, kind, file, of string, least int) {
	t.Helper()
	got, all := hashesOf(t, kind, file), hashesOf(t, kind, of)
	require.GreaterOrEqual(t, len(got), least, file)
	require.LessOrEqual(t, len(got), len(all), file)
	require.True(t, slices.Equal(all[len(all)-len(got):], got), "%s: other packets than the last %d of %s", file, len(got), of)
}

// A stream is read over HTTP while it is recorded: the clients get each packet from a key frame on, and so does the recording.
func TestALiveStreamIsReadWhileItIsRecorded(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"h264": x264Clip(t), "h265": x265Clip(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, "")
			const stream = "live/shown"
			code, _ := r.ask("GET", "/mp4/live/"+stream+".mp4")
			require.Equal(t, http.StatusNotFound, code)
			r.start(stream, "?wait=true")
			p := publish(t, source, r.rtsp+"/"+stream, "tcp", "-re")
			eventually(t, "the stream is live", func() bool { return r.stream(stream).State == "live" })
			v, playlist := r.watch(stream), r.playlistOf(stream)
			p.finish()
			r.stop(stream)
			file := r.path(r.awaitRecords(stream, 1)[0].File)
			shown := r.mediaOf(playlist)
			for _, kind := range []string{"v", "a"} {
				requireTail(t, kind, shown, file, 50)
			}
			var id string
			eventually(t, "the viewer has everything", func() bool {
				for _, c := range answer[struct {
					Connections []struct {
						ID, State string
						Sent      int64 `json:"sent_bytes"`
					}
				}](r, "GET", "/mp4/connections?protocol=fmp4").Connections {
					id = c.ID
					size, err := os.Stat(v.file)
					return err == nil && size.Size() == c.Sent && len(hashesOf(t, "v", v.file)) >= len(hashesOf(t, "v", shown))
				}
				return false
			})
			code, text := r.ask("DELETE", "/mp4/connections/"+id)
			require.Equal(t, http.StatusOK, code, "%s", text)
			<-v.done
			for _, kind := range []string{"v", "a"} {
				requireTail(t, kind, v.file, file, 50)
			}
			require.Empty(t, r.stream(stream).Drops)
			require.Equal(t, fmt.Sprint(len(hashesOf(t, "v", source))), fmt.Sprint(len(hashesOf(t, "v", file))))
		})
	}
}
