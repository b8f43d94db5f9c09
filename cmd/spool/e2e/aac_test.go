package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// heAAC makes a clip with AAC audio of 24000 Hz and another AudioSpecificConfig: see withConfig.
func heAAC(t *testing.T, config string, channels int) string {
	t.Helper()
	return withConfig(t, clip(t, fmt.Sprintf("aac24000-%d.mp4", channels), "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=24000:duration=4", "-c:v", "libx264", "-preset", "veryfast", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k", "-ac", strconv.Itoa(channels)), config)
}

// withConfig returns a copy of a clip with another AudioSpecificConfig, of five bytes. The configuration declares
// spectral band replication (ISO/IEC 14496-3, 1.6.2.1), which ffmpeg's encoder cannot do. The frames have no data of
// it, so a decoder that follows the configuration puts out twice the sample rate, with empty upper bands. The fields of
// the configurations, with their bits:
//
//	2b11880000: object type 5 (5), 24 kHz (4), 2 channels (4), up to 48 kHz (4), object type 2 (5), and three flags
//	eb09880000: the same of object type 29, in mono
//	131056e598: object type 2, 24 kHz, 2 channels, three flags; 0x2b7 (11), object type 5 (5), present (1), 48 kHz (4)
//	131056e500: the same, with spectral band replication not present
func withConfig(t *testing.T, clip, config string) string {
	t.Helper()
	b, err := os.ReadFile(clip)
	require.NoError(t, err)
	tag := []byte{5, 0x80, 0x80, 0x80, 5} // DecoderSpecificInfo of five bytes
	at := bytes.Index(b, tag)
	require.Positive(t, at)
	asc, err := hex.DecodeString(config)
	require.NoError(t, err)
	require.Len(t, asc, 5)
	copy(b[at+len(tag):], asc)
	file := filepath.Join(t.TempDir(), "configured.mp4")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	return file
}

// Audio with spectral band replication is as long as the video, however it is signalled, over
// RTSP and from a file.
func TestSoundOfHEAACIsAsLongAsThePicture(t *testing.T) {
	t.Parallel()
	clips := map[string]string{
		"hierarchic": heAAC(t, "2b11880000", 2),
		"behind":     heAAC(t, "131056e598", 2),
		"implicit":   heAAC(t, "131056e500", 2), // or no replication
		"stereo":     heAAC(t, "eb09880000", 1),
	}
	config := "streams:\n"
	for name, file := range clips {
		config += fmt.Sprintf("  file/%s: {pull: %q}\n", name, "file:"+file)
	}
	r := serve(t, config)
	var all sync.WaitGroup
	for name, file := range clips {
		r.start("live/"+name, "?wait=true")
		p := publish(t, file, r.rtsp+"/live/"+name, "tcp", "-re")
		r.start("file/"+name, "?wait=true&duration=3")
		all.Go(func() {
			p.finish()
			asLongAs(t, file, r.path(r.awaitRecords("live/"+name, 1)[0].File))
			asLongAs(t, file, r.path(r.awaitRecords("file/"+name, 1)[0].File))
		})
	}
	all.Wait()
}

// asLongAs requires that a recording has its source's packets in the same places, and that its
// audio decodes to as many seconds as the video lasts.
func asLongAs(t *testing.T, source, file string) {
	video, audio := same(t, file, source, "v"), same(t, file, source, "a")
	require.InDelta(t, video.shift, audio.shift, 1, "%s: ms between sound and picture", file)
	length := func(stream string) float64 {
		s, err := strconv.ParseFloat(strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-select_streams", stream,
			"-show_entries", "stream=duration", "-of", "default=nw=1:nk=1", file)), 64)
		require.NoError(t, err)
		return s
	}
	require.InDelta(t, length("v"), length("a"), 0.15, file)
	pcm := tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "u8", "-")
	require.InDelta(t, length("v"), float64(len(pcm))/48000, 0.15, "%s: decoded", file)
	decodes(t, file)
}

// Without a configuration in the session description, the ADTS headers describe the sound.
func TestADTSHeadersDescribeTheSound(t *testing.T) {
	t.Parallel()
	r := serve(t, "")
	source := coded{name: "aac, ADTS", encode: soundAlone("aac", 48000, 2), container: "mp4"}.source(t, shortClip)
	r.start("live/adts", "?wait=true")
	publishHeaded(t, source, r.rtsp+"/live/adts", nil).finish()
	file := r.path(r.awaitRecords("live/adts", 1)[0].File)
	m := same(t, file, source, "a")
	require.Equal(t, len(probe(t, source, "a").packets), m.from+m.count)
	require.Equal(t, 48000, rateOfSound(t, file))
	decodes(t, file)
}
