package rtmp

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Real encoders publish files. Every access unit is the file's own, and sound and pictures stay together.
func TestPublishedUnitsAreTheSourcesOwn(t *testing.T) {
	both := func(audio ...string) []string { return append(append([]string{}, x264...), audio...) }
	for name, tc := range map[string]struct {
		clip         []string
		video, audio media.Codec
		only         []string // arguments of ffmpeg that choose tracks
		gstreamer    bool
	}{
		"aac":           {clip: both(aac...), video: codec.H264, audio: codec.AAC},
		"mp3":           {clip: both("-c:a", "libmp3lame", "-ar", "44100"), video: codec.H264, audio: codec.MP3},
		"only pictures": {clip: both(aac...), video: codec.H264, only: []string{"-an"}},
		"only sound":    {clip: both(aac...), audio: codec.AAC, only: []string{"-vn"}},
		// Its flvmux writes the time 0 for the first pictures, whose decoding times in the file are negative, if there are B-frames.
		"gstreamer": {clip: append(both(aac...), "-bf", "0"), video: codec.H264, audio: codec.AAC, gstreamer: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			wait := f.record(path)
			file := clip(t, tc.audio.String()+".mp4", tc.clip...)
			switch {
			case tc.gstreamer:
				file = clip(t, "plain.mp4", tc.clip...)
			case tc.audio == 0:
				file = clip(t, "aac.mp4", tc.clip...)
			}
			if tc.gstreamer {
				gstreamer(t, file, f.url(path))
			} else {
				ffmpeg(t, append(append([]string{"-i", file, "-c", "copy"}, tc.only...), "-f", "flv", f.url(path))...)
			}
			got := wait()
			require.EqualValues(t, endcause.SourceLost, got.end)
			require.Len(t, got.sets, 1, "%v", got.sets)
			var video, audio float64
			if tc.video != 0 {
				video = compare(t, file, "v", got, tc.video, 0, 0)
			}
			if tc.audio != 0 {
				untimed := 0
				if tc.gstreamer { // its flvmux writes the time 0 for the first frame, whose time is negative
					untimed = 1
				}
				audio = compare(t, file, "a", got, tc.audio, 3, untimed) // sound before the first picture is not recorded
			}
			if tc.video != 0 && tc.audio != 0 {
				require.InDelta(t, video, audio, 1.1, "ms between sound and pictures")
			}
			require.Empty(t, f.losses(path))
			f.empty()
		})
	}
}

// gstreamer publishes a file by rtmp2sink.
func gstreamer(t *testing.T, file, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "gst-launch-1.0", "-q", "filesrc", "location="+file, "!", "qtdemux", "name=d",
		"d.video_0", "!", "queue", "max-size-time=0", "max-size-bytes=0", "max-size-buffers=0", "!", "h264parse", "!", "m.video",
		"d.audio_0", "!", "queue", "max-size-time=0", "max-size-bytes=0", "max-size-buffers=0", "!", "aacparse", "!", "m.audio",
		"flvmux", "name=m", "streamable=true", "!", "rtmp2sink", "sync=false", "location="+url).CombinedOutput()
	require.NoError(t, err, string(out))
}
