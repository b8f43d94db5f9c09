package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// flvClip returns a clip with sound of a codec that RTMP carries.
func flvClip(t *testing.T, audio string) string {
	return clip(t, "rtmp-"+audio+".mp4", append(lavfi(), "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50",
		"-pix_fmt", "yuv420p", "-c:a", audio, "-ar", "44100", "-shortest")...)
}

// ffmpeg publishes by RTMP and RTMPS. The recordings hold the same packets at the same times, to a millisecond.
func TestRTMPIsRecorded(t *testing.T) {
	t.Parallel()
	plain, secure := somePort(), somePort()
	dir := t.TempDir()
	certify(t, dir, 1)
	r := serve(t, "", "--set", fmt.Sprintf("ingest/rtmp/listen=127.0.0.1:%d", plain), "--set",
		fmt.Sprintf("ingest/rtmp/tls={listen: '127.0.0.1:%d', cert: '%s/cert.pem', key: '%s/key.pem'}", secure, dir, dir))
	for stream, c := range map[string]struct{ url, file string }{
		"live/rtmp":  {fmt.Sprintf("rtmp://127.0.0.1:%d", plain), flvClip(t, "aac")},
		"live/mp3":   {fmt.Sprintf("rtmp://127.0.0.1:%d", plain), flvClip(t, "libmp3lame")},
		"live/rtmps": {fmt.Sprintf("rtmps://127.0.0.1:%d", secure), flvClip(t, "aac")},
	} {
		r.start(stream, "?wait=true")
		publishBy(t, "-i", c.file, "-c", "copy", "-f", "flv", c.url+"/"+stream).finish()
		file := r.path(r.awaitRecords(stream, 1)[0].File) // the publisher has left
		require.Empty(t, r.stream(stream).Drops, stream)
		r.stop(stream)
		video, audio := sameToMilliseconds(t, file, c.file, "v"), sameToMilliseconds(t, file, c.file, "a")
		require.Equal(t, len(probe(t, c.file, "v").packets), video.count, stream)
		require.InDelta(t, video.shift, audio.shift, 1.1, "%s: ms between sound and pictures", stream)
		ordinary(t, file)
		decodes(t, file)
	}
}

// sameToMilliseconds is same for a protocol whose times are in ms.
func sameToMilliseconds(t *testing.T, file, source, kind string) match {
	t.Helper()
	return runWithin(t, file, kind, probe(t, file, kind), probe(t, source, kind), 1.1)
}
