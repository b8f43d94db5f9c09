package e2e

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A track whose codec cannot be recorded is left out with a warning, and the stream's other track is recorded. A
// publisher of none but such tracks is refused.
func TestATrackThatCannotBeRecordedIsLeftOut(t *testing.T) {
	t.Parallel()
	sources := []string{"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=4", "-f", "lavfi", "-i", "anoisesrc=sample_rate=16000:duration=4:seed=7", "-ac", "1"}
	speex := clip(t, "speex.mkv", append(sources, "-c:v", "libx264", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "libspeex")...)
	vp8 := clip(t, "vp8.mkv", append(sources, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "aac")...)
	neither := clip(t, "vp8-speex.mkv", append(sources, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libspeex")...)
	h263 := clip(t, "h263.mov", append(sources, "-c:v", "h263", "-c:a", "aac")...)
	r := serve(t, "")
	r.expect("a track is not recorded: its codec is not supported", "publisher refused: none of its codecs can be recorded")
	for stream, c := range map[string]struct{ source, kind, left string }{"live/speex": {speex, "v", "speex"}, "live/vp8": {vp8, "a", "vp8"}} {
		r.start(stream, "?wait=true")
		p := publishBy(t, "-re", "-i", c.source, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp+"/"+stream)
		r.await("a track is not recorded: its codec is not supported", "stream", stream, "codec", c.left)
		eventually(t, "the status names the codec", func() bool { return slices.Equal([]string{c.left}, r.status(stream).Unrecorded) })
		require.Equal(t, []string{c.left}, r.stream(stream).Unrecorded)
		p.finish()
		file := r.path(r.awaitRecords(stream, 1)[0].File)
		require.GreaterOrEqual(t, same(t, file, c.source, c.kind).count, 9*len(probe(t, c.source, c.kind).packets)/10)
	}
	_, complaint, err := run(t, "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", neither, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp+"/live/n")
	require.Error(t, err)
	require.Contains(t, complaint, "415 No Codec Can Be Recorded")
	r.await("publisher refused: none of its codecs can be recorded", "stream", "live/n")

	program, err := staticBinary()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sound.mp4")
	_, complaint, err = run(t, program, "remux", h263, file)
	require.NoError(t, err)
	require.Contains(t, complaint, `"h263\": its codec is not recorded`)
	require.Equal(t, len(probe(t, h263, "a").packets), same(t, file, h263, "a").count)
}
