package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tone that begins and pictures that turn white, at the same instant, one second after the beginning.
const (
	flash = "color=black:size=320x180:rate=25:duration=2,drawbox=color=white:t=fill:enable='gte(t,1)'"
	click = "aevalsrc='gte(t,1)*0.5*sin(2*PI*1000*(t-1))':sample_rate=48000:duration=2"
)

// withClicks lists the codecs whose decoded sound begins later than that which was encoded, unless a player drops the
// priming: those of the table whose packets are compared. ffmpeg 5.1 sends neither AC-3 nor E-AC-3.
func withClicks() []coded {
	var list []coded
	for _, c := range codecs {
		if c.kind == "a" && !c.alone && c.compare == nil {
			list = append(list, c)
		}
	}
	for _, encoder := range []string{"ac3", "eac3"} {
		list = append(list, coded{name: encoder, encode: withPictures(encoder, 48000, 2), container: "mp4", without: notPublished})
	}
	return list
}

var notPublished = map[string]string{byPush: "ffmpeg 5.1 does not send it"}

// A click and a flash at the same instant stay together in the decoded file, to 1 ms. Files say how much priming there
// is. Over RTP ffmpeg's times are those of the decoded samples, so the same bound holds. A camera whose times are those
// of the samples before the encoder would be wrong by the delay of its encoder, of which RTP says nothing.
func TestAClickAndAFlashStayTogether(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	for _, fragment := range []bool{false, true} {
		r := serve(t, "", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
		for i, c := range withClicks() {
			for _, way := range []string{byPush, byFile} {
				if c.without[way] != "" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/fragment=%v", c.name, way, fragment), func(t *testing.T) {
					t.Parallel()
					source := c.clip(t, "click", flash, click)
					want := clickAfterFlash(t, source)
					// The source of HE-AAC comes from an encoder that does not allow for the delay of spectral band replication.
					require.True(t, c.config != "" || -1 <= want && want <= 1, "%s: click %g ms after the flash", source, want)
					file := filepath.Join(t.TempDir(), "recorded.mp4")
					if way == byFile {
						tool(t, program, "remux", fmt.Sprintf("--fragment=%v", fragment), source, file)
					} else {
						r, stream := r.of(t), fmt.Sprint("click/", i)
						r.start(stream, "?wait=true")
						c.publish(t, source, r.rtsp+"/"+stream).finish()
						file = r.path(r.awaitRecords(stream, 1)[0].File)
					}
					require.InDelta(t, want, clickAfterFlash(t, file), 1, "ms between flash and click in %s", file)
				})
			}
		}
	}
}

// clickAfterFlash decodes a file and returns the time from the flash to the click, ms. The tone has begun where it
// first has half of its peak, 1/12 ms after its beginning. The pictures are repeated 8000 times a second.
func clickAfterFlash(t *testing.T, file string) float64 {
	t.Helper()
	dir := t.TempDir()
	shown, heard := filepath.Join(dir, "gray"), filepath.Join(dir, "pcm")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file,
		"-map", "0:v", "-vf", "scale=1:1,format=gray,fps=8000:start_time=0", "-f", "rawvideo", shown,
		"-map", "0:a", "-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-c:a", "pcm_s8", "-f", "s8", heard)
	gray, err := os.ReadFile(shown)
	require.NoError(t, err)
	pcm, err := os.ReadFile(heard)
	require.NoError(t, err)
	for i, sample := range pcm { // its amount
		pcm[i] = byte(max(int8(sample), -max(int8(sample), -127)))
	}
	peak := slices.Max(pcm)
	require.Greater(t, peak, byte(20), "no click")
	flashed := slices.IndexFunc(gray, func(level byte) bool { return level > 128 })
	clicked := slices.IndexFunc(pcm, func(level byte) bool { return level >= peak/2 })
	require.Positive(t, flashed, "no flash")
	return 1000 * (float64(clicked)/48000 - float64(flashed)/8000)
}
