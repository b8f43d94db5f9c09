package mpegts

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources are codecs as ffmpeg encodes and muxes them: arguments of the encoder, the stream of the MP4 file that holds the
// same access units, and the number of tracks.
var sources = map[string][]string{
	"h264":  {"-c:v", "libx264", "-bf", "2", "-g", "25", "-x264-params", "bframes=2"},
	"h265":  {"-c:v", "libx265", "-x265-params", "log-level=none:bframes=3:keyint=25", "-tag:v", "hvc1"},
	"mpeg4": {"-c:v", "mpeg4", "-g", "25"},
	"aac":   {"-c:a", "aac", "-ar", "44100"},
	"latm":  {"-c:a", "aac", "-ar", "48000"},
	"mp3":   {"-c:a", "libmp3lame", "-ar", "44100"},
	"mp2":   {"-c:a", "mp2", "-ar", "48000"},
	"ac3":   {"-c:a", "ac3"},
	"eac3":  {"-c:a", "eac3"},
	"opus":  {"-c:a", "libopus"},
}

func TestEachCodecOfFFmpegIsReadByteForByte(t *testing.T) {
	for name, encoder := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kind, input := "a:0", []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=4:sample_rate=48000", "-ac", "2"}
			if encoder[0] == "-c:v" {
				kind, input = "v:0", []string{"-f", "lavfi", "-i", "testsrc2=duration=4:size=320x240:rate=25", "-pix_fmt", "yuv420p"}
			}
			ffmpeg(t, dir, append(append(input, encoder...), "source.mp4")...)
			source := "source.mp4"
			if name == "h265" { // ffmpeg inserts an SEI message with the parameter sets, which are not recorded
				ffmpeg(t, dir, "-i", "source.mp4", "-c", "copy", "a.ts")
				ffmpeg(t, dir, "-i", "a.ts", "-c", "copy", "-bsf:v", "filter_units=remove_types=32-35", "-tag:v", "hvc1", "bare.mp4")
				source = "bare.mp4"
			} else if name == "mpeg4" { // a file has its headers once
				ffmpeg(t, dir, "-i", "source.mp4", "-c", "copy", "-bsf:v", "dump_extra", "a.ts")
				source = "a.ts"
			} else if name == "latm" {
				ffmpeg(t, dir, "-i", "source.mp4", "-c", "copy", "-mpegts_flags", "latm", "a.ts")
			} else {
				ffmpeg(t, dir, "-i", "source.mp4", "-c", "copy", "a.ts")
			}
			f := newFixture(t)
			f.write(read(t, dir, "a.ts"), 1316)
			got := f.end()
			require.Empty(t, got.losses)
			require.Len(t, got.units, 1)
			require.Equal(t, 1, f.begun)
			want := probed(t, filepath.Join(dir, source), kind)
			require.Equal(t, len(want), len(got.units[0]))
			shift := got.units[0][0].pts - want[0].pts
			for i, w := range want {
				g := got.units[0][i]
				require.Equal(t, w.hash, g.hash, "unit %d", i)
				require.InDelta(t, w.pts, g.pts-shift, 0.0005, "unit %d", i)
				require.InDelta(t, w.dts, g.dts-shift, 0.0005, "unit %d", i)
				require.Equal(t, w.sync, g.sync, "unit %d", i)
			}
		})
	}
}
