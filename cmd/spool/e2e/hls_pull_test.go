package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// pulling starts a recorder of what a URL has, under the path live/a.
func pulling(t *testing.T, url string) *recorder {
	t.Helper()
	return serve(t, fmt.Sprintf(`
streams: {live/a: {pull: %q}}
pipelines:
  default: {streams: ["**"], record: always, stages: [{source: {}}, {gop_ring: {}}, {segmenter: {}}, {mp4: {}}, {metadata: {}}]}
`, url))
}

// requireCopy checks that a file has access units of a source, each with its time to the millisecond and once, and that
// no unit is missing in between. It returns the number of the lead track's units.
func requireCopy(t *testing.T, clip *rtsptest.Clip, file string) (units int) {
	t.Helper()
	got, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, got.Tracks, len(clip.Tracks))
	for i := range clip.Tracks {
		m, err := clip.Tracks[i].Match(&got.Tracks[i])
		require.NoError(t, err)
		require.Empty(t, m.Missing, "track %d", i)
		require.LessOrEqual(t, m.Worst, time.Millisecond, "track %d", i)
		t.Logf("track %d: %d of %d from %d", i, m.Count, len(clip.Tracks[i].Units), m.From)
	}
	return len(got.Tracks[0].Units)
}

// inSync checks that the first picture and the first sound of a recording are as far apart as the units of the source with the same
// content.
func inSync(t *testing.T, source, file string) {
	t.Helper()
	later := map[string]float64{} // seconds by which the recording's clock is behind
	for _, kind := range []string{"v", "a"} {
		of, got := probe(t, source, kind), probe(t, file, kind)
		at := slices.IndexFunc(of.packets, func(p packet) bool { return p.hash == got.packets[0].hash })
		require.GreaterOrEqual(t, at, 0, "the source does not have the first packet")
		later[kind] = float64(got.packets[0].pts)/float64(got.scale) - float64(of.packets[at].pts)/float64(of.scale)
	}
	require.InDelta(t, later["v"], later["a"], 0.001)
}

// closedClip returns a clip of H.265 with closed GOPs. Before the leading pictures of an open one, ffmpeg's fragments have a wrong time.
func closedClip(t *testing.T) string {
	return clip(t, "x265-closed.mp4", append(lavfi(), "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1",
		"-x265-params", "bframes=3:keyint=50:open-gop=0:log-level=error", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")...)
}

// What ffmpeg writes as a live playlist, and nginx serves, is recorded byte for byte.
func TestLivePlaylistsArePulled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source func(*testing.T) string
		args   []string
		list   string
	}{
		"MPEG-TS": {x264Clip, []string{"index.m3u8"}, "index.m3u8"},
		"fragments of H.265, sound apart": {closedClip, []string{"-hls_segment_type", "fmp4", "-map", "0:v", "-map", "0:a",
			"-var_stream_map", "v:0,agroup:s a:0,agroup:s,default:yes", "-master_pl_name", "index.m3u8", "-hls_fmp4_init_filename", "init%v.mp4", "list%v.m3u8"}, "index.m3u8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dir := c.source(t), t.TempDir()
			clip, err := rtsptest.ReadFile(source)
			require.NoError(t, err)
			base, _ := startNginx(t, dir)
			args := append([]string{"-re", "-i", source, "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_flags", "delete_segments"}, c.args...)
			for i, a := range args {
				if strings.HasSuffix(a, ".m3u8") && i == len(args)-1 {
					args[i] = filepath.Join(dir, a)
				}
			}
			p := publishBy(t, args...)
			eventually(t, "the playlist", func() bool {
				list, err := os.ReadFile(filepath.Join(dir, c.list))
				return err == nil && strings.Contains(string(list), "#EXT")
			})
			r := pulling(t, base+c.list)
			r.expect("pull failed") // the encoder ends the playlist: it is pulled again
			p.finish()
			records := r.awaitRecords("live/a", 1)
			require.Positive(t, requireCopy(t, clip, r.path(records[0].File)))
			inSync(t, source, r.path(records[0].File))
			require.Empty(t, r.stream("live/a").Drops)
			require.Len(t, records, 1)
		})
	}
}

// A recorder pulls the low-latency playlist of another one.
func TestALowLatencyPlaylistIsPulled(t *testing.T) {
	t.Parallel()
	source := x264Clip(t)
	clip, err := rtsptest.ReadFile(source)
	require.NoError(t, err)
	from := serve(t, fmt.Sprintf("streams: {live/source: {pull: %q}}\n", "file:"+source+"?loop=true"))
	code, text := from.ask("POST", "/mp4/start/live/source?wait=true")
	require.Equal(t, 200, code, "%s", text)
	r := pulling(t, from.api+"/mp4/live/live/source/index.m3u8")
	eventually(t, "some seconds of media", func() bool { return r.stream("live/a").AccessUnits > 400 })
	require.Empty(t, r.stream("live/a").Drops)
	r.signal(syscall.SIGINT)
	r.allFinished()
	files := r.list(".mp4")
	require.Len(t, files, 1)
	require.Positive(t, requireCopy(t, clip, files[0]))
}

// The command records a playlist that has ended from its beginning to its end.
func TestAPlaylistIsRecordedWithoutAServer(t *testing.T) {
	t.Parallel()
	source, dir := x264Clip(t), t.TempDir()
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", source, "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", filepath.Join(dir, "vod.m3u8"))
	base, _ := startNginx(t, dir)
	c := startRecord(t, base+"vod.m3u8", "-o", "vod.mp4")
	require.NoError(t, c.cmd.Wait(), "%s", &c.errs)
	file := filepath.Join(c.dir, "vod.mp4")
	for _, kind := range []string{"v", "a"} {
		require.Equal(t, hashesOf(t, kind, source), hashesOf(t, kind, file), kind)
	}
	inSync(t, source, file)
}
