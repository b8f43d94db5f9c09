package mpegts

import (
	"bytes"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// rewritten returns a stream with the pictures of another one, n of them in each PES packet, which has the times of the
// first.
func rewritten(t *testing.T, r *recorded, n int) []byte {
	t.Helper()
	form, err := mpegts.FormOf(&r.tracks[0])
	require.NoError(t, err)
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	require.NoError(t, m.SetTracks([]mpegts.Track{{Form: form, Kind: media.Video}}))
	for i := 0; i < len(r.units[0]); i += n {
		first := r.units[0][i]
		u := mpegts.Unit{DTS: ticks(first.dts), PTS: ticks(first.pts)}
		for k := i; k < min(i+n, len(r.units[0])); k++ {
			u.Sync = u.Sync || r.units[0][k].sync
			u.Data = append(u.Data, r.units[0][k].data...)
		}
		require.NoError(t, m.Write(0, &u))
	}
	require.NoError(t, m.Flush())
	return out.Bytes()
}

func ticks(seconds float64) int64 { return int64(math.Round(seconds * clockHz)) }

// A PES packet may have several pictures. Those behind the first get the times that they would have had, with B-frames, too.
func TestSeveralPicturesInAPESPacket(t *testing.T) {
	for name, encoder := range map[string][]string{
		"h264":                     {"-c:v", "libx264", "-g", "12", "-bf", "0"},
		"h264 with B-frames":       {"-c:v", "libx264", "-g", "25", "-bf", "2", "-x264-params", "bframes=2:b-adapt=0:scenecut=0"},
		"h264 with a pyramid":      {"-c:v", "libx264", "-g", "30", "-x264-params", "bframes=3:b-adapt=0:b-pyramid=normal"},
		"h264 of key frames alone": {"-c:v", "libx264", "-g", "1"},
		"h265 with B-frames":       {"-c:v", "libx265", "-x265-params", "log-level=none:bframes=3:keyint=25", "-tag:v", "hvc1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ffmpeg(t, dir, append(append([]string{"-f", "lavfi", "-i", "testsrc2=duration=2:size=160x120:rate=30000/1001", "-pix_fmt", "yuv420p"}, encoder...), "a.ts")...)
			f := newFixture(t)
			f.write(read(t, dir, "a.ts"), 1316)
			want := f.end()
			require.Len(t, want.units[0], len(probed(t, filepath.Join(dir, "a.ts"), "v:0")))
			for _, n := range []int{2, 3, 7} {
				f := newFixture(t)
				f.write(rewritten(t, &want, n), 1316)
				got := f.end()
				require.Empty(t, got.losses, "%d", n)
				require.Equal(t, len(want.units[0]), len(got.units[0]), "%d", n)
				shift := got.units[0][0].dts - want.units[0][0].dts
				for i, w := range want.units[0] {
					g := got.units[0][i]
					require.Equal(t, w.hash, g.hash, "%d: unit %d", n, i)
					require.Equal(t, w.sync, g.sync, "%d: unit %d", n, i)
					require.InDelta(t, w.dts, g.dts-shift, 0.00003, "%d: decoding time of unit %d", n, i)
					require.InDelta(t, w.pts, g.pts-shift, 0.00003, "%d: time of unit %d", n, i)
				}
			}
		})
	}
}
