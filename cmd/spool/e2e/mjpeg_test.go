package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// samePictures requires that a recording of MJPEG has all pictures of its source, which decode to the same pixels. RTP
// leaves out the headers of a picture, so the bytes differ.
func samePictures(t *testing.T, file, source string) {
	t.Helper()
	require.Equal(t, len(probe(t, source, "v").packets), runOf(t, file, source, "v", decodedTrack).count, file)
	require.Equal(t, "mp4v", strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-select_streams", "v",
		"-show_entries", "stream=codec_tag_string", "-of", "compact=p=0:nk=1", file)), file)
}

// decodedTrack reads a track as probe does, with the hashes of its decoded pictures in place of those of its packets. A
// packet has one picture, and the decoder keeps the order.
func decodedTrack(t *testing.T, file, kind string) track {
	t.Helper()
	k := track{scale: probe(t, file, kind).scale}
	var hashes []string
	for line := range strings.Lines(tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:"+kind, "-fps_mode", "passthrough",
		"-f", "framehash", "-hash", "md5", "-")) {
		if at := strings.LastIndexByte(line, ' '); line[0] != '#' {
			hashes = append(hashes, strings.TrimSpace(line[at:]))
		}
	}
	packets := probe(t, file, kind).packets
	require.Len(t, hashes, len(packets), "%s: pictures", file)
	for i, p := range packets {
		p.hash = hashes[i]
		k.packets = append(k.packets, p)
	}
	return k
}
