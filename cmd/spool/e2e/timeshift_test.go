package e2e

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// With a long window, the live playlist begins in the recording: a client that comes late reaches what it has missed, by each file of
// the recording, and gets the packets that are recorded.
func TestTheLivePlaylistBeginsInTheRecording(t *testing.T) {
	t.Parallel()
	for name, mp4 := range map[string]string{"ordinary": "mp4: {max_duration: 3}", "fragmented": "mp4: {fragment: true, fragment_duration: 1}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, mp4+"\negress: {window: 1h}\n")
			const stream = "live/shifted"
			r.start(stream, "?wait=true")
			p := publish(t, x264Clip(t), r.rtsp+"/"+stream, "tcp", "-re", "-stream_loop", "-1")
			r.awaitUnits(stream, 500)
			playlist := r.playlistOf(stream)
			list := string(r.fetched(playlist))
			require.Contains(t, list, "#EXT-X-DISCONTINUITY-SEQUENCE:0\n")
			require.NotContains(t, list, "#EXT-X-DISCONTINUITY\n")
			seen, err := exec.Command("ffmpeg", "-v", "error", "-live_start_index", "0", "-i", r.api+"/mp4/live/"+stream+"/index.m3u8",
				"-map", "0:v", "-frames:v", "120", "-c", "copy", "-f", "framemd5", "-").Output()
			require.NoError(t, err)
			p.kill()
			eventually(t, "the publisher has left", func() bool { return r.stream(stream).State != "live" })
			r.stop(stream)
			var files []string
			for _, f := range r.records(stream) {
				files = append(files, r.path(f.File))
			}
			if name == "ordinary" {
				require.Greater(t, len(files), 2)
			}
			shown := ""
			eventually(t, "the playlist has the last picture", func() bool {
				shown = r.mediaOf(playlist)
				return len(hashesOf(t, "v", shown)) >= len(hashesOf(t, "v", files...))
			})
			for _, kind := range []string{"v", "a"} {
				require.Equal(t, hashesOf(t, kind, files...), hashesOf(t, kind, shown), kind)
			}
			var first []string
			for _, m := range hashOfFrame.FindAllStringSubmatch(string(seen), -1) {
				first = append(first, "MD5:"+m[1])
			}
			require.Len(t, first, 120)
			require.Equal(t, hashesOf(t, "v", files...)[:120], first)
		})
	}
}
