package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the sample rate of MP3 changes, a file ends and the next one begins. Each has the frames of its rate, at their times.
func TestAChangeOfTheRateOfMP3BeginsAFile(t *testing.T) {
	t.Parallel()
	pictures := clip(t, "pictures-8s.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8", "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-pix_fmt", "yuv420p")
	var all []byte
	for _, rate := range []int{48000, 44100} {
		b, err := os.ReadFile(clip(t, fmt.Sprintf("%d.mp3", rate), "-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=sample_rate=%d:duration=4:seed=7", rate),
			"-c:a", "libmp3lame", "-ac", "2", "-write_xing", "0", "-id3v2_version", "0"))
		require.NoError(t, err)
		all = append(all, b...)
	}
	both := filepath.Join(t.TempDir(), "both.mp3")
	require.NoError(t, os.WriteFile(both, all, 0o600))
	r := serve(t, "")
	r.expect("no key frame: nothing is recorded until one comes")
	r.expect("media is missing before this file")
	r.start("live/a", "?wait=true")
	publishBy(t, "-re", "-i", pictures, "-re", "-i", both, "-map", "0:v", "-map", "1:a", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp+"/live/a").finish()
	for _, rec := range r.awaitRecords("live/a", 2) {
		file := r.path(rec.File)
		video, audio := same(t, file, pictures, "v"), same(t, file, both, "a")
		require.InDelta(t, video.shift, audio.shift, 1, "ms between sound and pictures")
		require.Greater(t, audio.count, 75, "of some 160 frames")
		decodes(t, file)
	}
}
