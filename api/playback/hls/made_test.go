package hls

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
)

// frames returns the hashes of the decoded frames of a kind, v or a.
func frames(t testing.TB, address, kind string) (out []string) {
	t.Helper()
	text := tool(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", address, "-map", "0:"+kind+":0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	for line := range strings.Lines(text) {
		if line[0] != '#' {
			out = append(out, line[strings.LastIndexByte(line, ' ')+1:])
		}
	}
	require.NotEmpty(t, out)
	return out
}

// playlistOf returns the address of the playlist of a recording, and checks it and its segments.
func (s *station) playlistOf(r row, query string) (string, *hlscheck.Playlist) {
	s.t.Helper()
	start := r.Start.Add(-time.Second)
	q := url.Values{"start": {start.Format(time.RFC3339Nano)}, "end": {r.End.Add(time.Second).Format(time.RFC3339Nano)}}
	address := s.api + "/mp4/hls/" + r.Stream + "/index.m3u8?" + q.Encode() + query
	p, err := hlscheck.Check(s.t.Context(), http.DefaultClient, address)
	require.NoError(s.t, err)
	texts := ""
	for _, m := range p.Media {
		texts += m.Text
	}
	require.NoError(s.t, p.Fault(), texts)
	return address, p
}

// scene returns arguments of ffmpeg for pictures and sound.
func scene(seconds int, more ...string) []string {
	return append([]string{
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=320x180:rate=25:duration=%d", seconds) + strip(),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=duration=%d", seconds), "-pix_fmt", "yuv420p",
	}, more...)
}

// A file without fragments plays with exactly its frames: the segments are made of its samples.
func TestSegmentsAreMadeOfAnOrdinaryFile(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"H.264 with B-frames": scene(10, "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50", "-c:a", "aac"),
		"open GOPs":           scene(10, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "40", "-x264-params", "open-gop=1:scenecut=0", "-c:a", "aac"),
		"HEVC":                scene(8, "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "bframes=2:keyint=50:log-level=error", "-c:a", "aac"),
		"a long GOP":          scene(18, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "400", "-keyint_min", "400", "-sc_threshold", "0", "-c:a", "aac"),
		"only key frames":     scene(8, "-c:v", "libx264", "-preset", "veryfast", "-g", "1", "-c:a", "libmp3lame"),
		"pictures alone":      scene(8, "-map", "0:v", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25"),
		"sound alone":         scene(8, "-map", "1:a", "-c:a", "aac"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := rewritten(t, dir, args...)
			s := newStation(t, dir)
			rows := s.rows()
			require.Len(t, rows, 1)
			address, p := s.playlistOf(rows[0], "&segment=3")
			require.Contains(t, p.Media[0].Text, "made/"+rows[0].ID+"/0-")
			require.NotContains(t, p.Media[0].Text, "EXT-X-BYTERANGE")
			if !strings.HasPrefix(name, "sound") {
				pictures := frames(t, file, "v")
				require.Equal(t, pictures, frames(t, address, "v"))
				require.Equal(t, len(pictures), decodedByGStreamer(t, address, "video"))
				require.Equal(t, hashes(packets(t, file, "v")), hashes(packets(t, address, "v")))
			}
			if !strings.HasPrefix(name, "pictures") {
				require.Equal(t, hashes(packets(t, file, "a")), hashes(packets(t, address, "a")))
				// ffmpeg leaves out the sound before time 0, the delay of the encoder, by the edit list, but not in a fragmented file.
				want, got := frames(t, file, "a"), frames(t, address, "a")
				require.LessOrEqual(t, len(got)-len(want), 1)
				require.Equal(t, want[len(want)-len(got)+1:], got[1:])
			}
		})
	}
}

// A file that was cut and then mended by spool repair keeps its fragments: it plays with exactly the frames that are left.
func TestAMendedFilePlays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := os.ReadFile(film(t, look{size: "320x180", seconds: 6, gop: 25}))
	require.NoError(t, err)
	file := filepath.Join(dir, "cut.mp4")
	require.NoError(t, os.WriteFile(file, b[:len(b)*2/3], 0o600))
	require.Contains(t, tool(t, program, "repair", file), "finished")
	s := newStation(t, dir)
	recording := s.rows()[0]
	require.Eventually(t, func() bool { return time.Since(recording.End) > time.Second }, patience, 50*time.Millisecond, "its clock begins now")
	address, p := s.playlistOf(recording, "&segment=2")
	require.Contains(t, p.Media[0].Text, "EXT-X-BYTERANGE")
	for _, kind := range []string{"v", "a"} {
		require.Equal(t, hashes(packets(t, file, kind)), hashes(packets(t, address, kind)))
	}
	require.Equal(t, frames(t, file, "v"), frames(t, address, "v"))
}

// A segment has the same bytes whoever asks for it, also in ranges; segments that do not exist are refused.
func TestAMadeSegmentIsServedLikeAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rewritten(t, dir, scene(4, "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-c:a", "aac")...)
	s := newStation(t, dir)
	r := s.rows()[0]
	at := "/mp4/hls/" + r.Stream + "/made/" + r.ID + "/"
	code, whole := s.get(at + "25-75.mp4")
	require.Equal(t, http.StatusOK, code, "%s", whole)
	_, again := s.get(at + "25-75.mp4")
	require.True(t, bytes.Equal(whole, again))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.api+at+"25-75.mp4", nil)
	require.NoError(t, err)
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", len(whole)/3, len(whole)/2))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	part, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusPartialContent, resp.StatusCode)
	require.True(t, bytes.Equal(whole[len(whole)/3:len(whole)/2+1], part))
	req.Header.Del("Range")
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	same, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer same.Body.Close()
	require.Equal(t, http.StatusNotModified, same.StatusCode)
	for _, name := range []string{"75-75.mp4", "0-101.mp4", "100.mp4", "-1.mp4", "01-25.mp4", "1-2-3.mp4", "0-9223372036854775807.mp4", "0-99999999999999999999.mp4", "x.mp4"} {
		code, text := s.get(at + name)
		require.Equal(t, http.StatusNotFound, code, "%s: %s", name, text)
	}
	code, _ = s.get("/mp4/hls/another/made/" + r.ID + "/25-75.mp4")
	require.Equal(t, http.StatusNotFound, code)
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"0-1.mp4", "7.mp4", "-7.mp4", "9223372036854775807.mp4", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if s, err := parseName(name); err == nil {
			require.Equal(t, name, s.name())
			require.Less(t, s.First, s.End)
		}
	})
}
