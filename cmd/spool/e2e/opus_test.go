package e2e

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// opusClip makes a clip with moving pictures and Opus sound in packets of the given duration.
func opusClip(t *testing.T, channels int, packetMS string) string {
	return clip(t, fmt.Sprintf("opus-%d-%s.mp4", channels, packetMS), "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6",
		"-f", "lavfi", "-i", "anoisesrc=sample_rate=48000:duration=6:seed=7", "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-pix_fmt", "yuv420p",
		"-c:a", "libopus", "-b:a", "64k", "-frame_duration", packetMS, "-ac", fmt.Sprint(channels))
}

// The recording of Opus has the packets of the source, at their times beside the pictures, in both forms of files, and
// rewritten in both.
func TestOpusIsRecorded(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			r := serve(t, "", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			var all sync.WaitGroup
			for channels, packetMS := range map[int]string{1: "60", 2: "20"} {
				source, stream := opusClip(t, channels, packetMS), fmt.Sprint("live/", channels)
				r.start(stream, "?wait=true")
				p := publish(t, source, r.rtsp+"/"+stream, "tcp", "-re")
				all.Go(func() {
					p.finish()
					file := r.path(r.awaitRecords(stream, 1)[0].File)
					rewritten := filepath.Join(t.TempDir(), "rewritten.mp4")
					tool(t, program, "remux", fmt.Sprintf("--fragment=%v", !fragment), file, rewritten)
					for _, file := range []string{file, rewritten} {
						video, sound := same(t, file, source, "v"), same(t, file, source, "a")
						require.Greater(t, sound.count, 90)
						require.InDelta(t, video.shift, sound.shift, 1, "%s: ms between sound and picture", file)
						decodes(t, file)
					}
				})
			}
			all.Wait()
		})
	}
}
