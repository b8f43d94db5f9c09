package players

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Properties of each source.
const (
	width, height = 320, 180
	soundRate     = 48000 // Hz, of the sound before it is coded, and of decoded sound
	seconds       = 4
	middle        = seconds / 2 // a key frame is there
)

// content is a source of a codec: pictures and sound, of which one has the codec.
type content struct {
	codec     string   // name in package codec
	encode    []string // arguments of ffmpeg
	container string
}

// contents has a row for each codec, in the order of the table.
var contents = []content{
	{"h264", pictures("libx264", "-preset", "veryfast", "-bf", "2"), "mp4"},
	{"h265", pictures("libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "keyint=25:log-level=error"), "mp4"},
	{"vp9", pictures("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), "mp4"},
	{"av1", pictures("libaom-av1", "-usage", "realtime", "-cpu-used", "8"), "mp4"},
	{"mpeg4", pictures("mpeg4", "-bf", "2", "-q:v", "4"), "mp4"},
	{"mjpeg", pictures("mjpeg", "-q:v", "4", "-color_range", "pc"), "mp4"},
	{"aac", sound("aac", 48000, 2), "mp4"},
	{"opus", sound("libopus", 48000, 2), "mp4"},
	{"mp3", sound("libmp3lame", 48000, 2), "mp4"},
	{"ac-3", sound("ac3", 48000, 2), "mp4"},
	{"e-ac-3", sound("eac3", 48000, 2), "mp4"},
	{"flac", sound("flac", 48000, 2, "-strict", "-2"), "mp4"},
	{"lpcm", sound("pcm_s16be", 8000, 1), "mov"}, // as G.711 is recorded by default
	{"mulaw", sound("pcm_mulaw", 8000, 1), "mov"},
	{"alaw", sound("pcm_alaw", 8000, 1), "mov"},
}

// Codecs returns the names of the codecs that have a row.
func Codecs() (names []string) {
	for _, c := range contents {
		names = append(names, c.codec)
	}
	return names
}

func pictures(encoder string, more ...string) []string {
	return append([]string{"-c:v", encoder, "-g", "25", "-c:a", "aac"}, more...)
}

func sound(encoder string, rate, channels int, more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-c:a", encoder,
		"-ar", fmt.Sprint(rate), "-ac", fmt.Sprint(channels)}, more...)
}

// source makes the source in a directory. Its sound is noise of a tenth of the full scale, so that samples of a wrong
// byte order are louder.
func (c content) source(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, c.codec+"-source."+c.container)
	input := []string{
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=25:duration=%d", width, height, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=sample_rate=%d:duration=%d:seed=7:amplitude=0.1", soundRate, seconds),
	}
	_, err := execute(ctx, "", "ffmpeg", slices.Concat([]string{"-nostdin", "-v", "error"}, input, c.encode, []string{"-pix_fmt", "yuv420p", path})...)
	return path, err
}

// Forms are the forms of files: the values of fragment, false and true, in words.
var Forms = []string{"mp4", "fmp4"}

// record makes the file of a form with spool remux, and returns its path.
func (c content) record(ctx context.Context, spool, source, dir, form string) (string, error) {
	path := filepath.Join(dir, fmt.Sprintf("%s-%s.mp4", strings.ReplaceAll(c.codec, " ", "-"), form))
	_, err := execute(ctx, "", spool, "remux", fmt.Sprintf("--fragment=%v", form == "fmp4"), source, path)
	return path, err
}
