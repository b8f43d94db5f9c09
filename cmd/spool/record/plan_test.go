package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNameOfAStreamComesFromItsURL(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://10.0.0.5/stream1":                  "stream1",
		"https://example.com/live/door/index.m3u8": "door",
		"whep://10.0.0.5:8889/live/door/whep":      "door",
		"https://example.com/index.m3u8":           "index",
		"udp://239.0.0.1:5000":                     "239.0.0.1",
		"file:/srv/a/clip.ts":                      "clip",
		"%zz":                                      "recording",
	} {
		require.Equal(t, want, streamOf(url), url)
	}
}
