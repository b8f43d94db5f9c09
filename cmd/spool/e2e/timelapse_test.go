package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A time-lapse of open GOPs shows only their key frames: each as in the source, at its time, in
// order.
func TestTimeLapseOfOpenGOPs(t *testing.T) {
	t.Parallel()
	picture := []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=5", "-pix_fmt", "yuv420p"}
	sources := map[string]string{
		"live/h264": clip(t, "open264.mp4", append(picture, "-c:v", "libx264", "-preset", "veryfast",
			"-x264-params", "open-gop=1:bframes=3:keyint=20:scenecut=0")...),
		"live/h265": clip(t, "open265.mp4", append(picture, "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1",
			"-x265-params", "open-gop=1:bframes=3:keyint=20:scenecut=0:log-level=error")...),
	}
	r := serve(t, `
pipelines:
  lapse:
    streams: ["live/h26*"]
    stages: [source, gop_ring, keyframes: {speed: 1}, segmenter, mp4, metadata]
`)
	publishers := []*publisher{}
	for name, source := range sources {
		r.start(name, "?wait=true") // so that the first frame is among them
		publishers = append(publishers, publish(t, source, r.rtsp+"/"+name, "tcp", "-re"))
	}
	for _, p := range publishers {
		p.finish()
	}
	for name, source := range sources {
		file := r.path(r.awaitRecords(name, 1)[0].File)
		want := shown(t, source, "-vf", "select=eq(pict_type\\,I)")
		require.Len(t, want, 7, "125 pictures, of which each 20th is one")
		require.Equal(t, want, shown(t, file), name)
		for i, p := range probe(t, file, "v").packets {
			require.True(t, p.key, name)
			require.Equal(t, p.dts, p.pts, name)
			require.EqualValues(t, i*20*3600, p.pts, name)
		}
		ordinary(t, file)
		decodes(t, file)
	}
}

// shown returns the time in ticks of 90 kHz and the hash of each frame that ffmpeg shows of a
// file.
func shown(t *testing.T, file string, filter ...string) (pictures []string) {
	t.Helper()
	args := append([]string{"-nostdin", "-v", "warning", "-i", file, "-map", "0:v"}, filter...)
	args = append(args, "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-f", "framemd5", "-")
	for line := range strings.Lines(tool(t, "ffmpeg", args...)) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) == 6 && !strings.HasPrefix(line, "#") {
			pictures = append(pictures, strings.TrimSpace(f[2])+strings.TrimSpace(f[5]))
		}
	}
	return pictures
}
