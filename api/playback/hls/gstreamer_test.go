package hls

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// GStreamer decodes each picture of a playlist: of files of both forms with a gap between them.
func TestGStreamerDecodesEachFrame(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(film(t, look{size: "320x180", seconds: 6, gop: 25}), 0)
	s.add(film(t, look{size: "320x180", seconds: 5, gop: 50, hue: 90, fragment: true}), int64(60*time.Second))
	require.Equal(t, (6+5)*25, decodedByGStreamer(t, s.url, "video"))
}

// decodedByGStreamer returns the number of frames of a kind, video or audio, that GStreamer decodes.
func decodedByGStreamer(t *testing.T, address, kind string) int {
	t.Helper()
	text := tool(t, "timeout", "120", "gst-launch-1.0", "-v", "uridecodebin3", "name=d", "uri="+address, "caps="+kind+"/x-raw",
		"d.", "!", kind+"/x-raw(ANY)", "!", "fakesink", "silent=false", "sync=false")
	return strings.Count(text, "last-message = chain")
}
