package mpegts

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// muxed returns a transport stream of four seconds with pictures and sound, as encoders of ffmpeg make them, and the
// packets of its streams.
func muxed(t testing.TB, video, audio []string) (stream []byte, want [][]unit) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-f", "lavfi", "-i", "testsrc2=duration=4:size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:duration=4:sample_rate=48000",
		"-pix_fmt", "yuv420p", "-ac", "2", "-map", "0:v", "-map", "1:a"}
	ffmpeg(t, dir, append(append(append(args, video...), audio...), "source.mp4")...)
	ffmpeg(t, dir, "-i", "source.mp4", "-c", "copy", "a.ts")
	file := filepath.Join(dir, "source.mp4")
	return read(t, dir, "a.ts"), [][]unit{probed(t, file, "v:0"), probed(t, file, "a:0")}
}

// requirePart checks that the units of each track are units of the source, with their times, and returns how many are
// missing.
func requirePart(t *testing.T, want [][]unit, got recorded) (missing []int) {
	t.Helper()
	require.Len(t, got.units, len(want))
	shift := 0.0
	for track, all := range want {
		by := map[string][]float64{}
		for _, w := range all {
			by[w.hash] = append(by[w.hash], w.pts)
		}
		for i, g := range got.units[track] {
			require.NotEmpty(t, by[g.hash], "track %d: unit %d is none of the source's", track, i)
			if track == 0 && i == 0 {
				shift = g.pts - by[g.hash][0]
			}
			require.True(t, slices.ContainsFunc(by[g.hash], func(pts float64) bool { return g.pts-shift-pts < 0.001 && g.pts-shift-pts > -0.001 }),
				"track %d: unit %d has the time %v, not %v", track, i, g.pts-shift, by[g.hash])
		}
		missing = append(missing, len(all)-len(got.units[track]))
	}
	return missing
}

func TestOnlyWholeUnitsWithTheirTimesRemainAfterLosses(t *testing.T) {
	for name, encoder := range map[string][]string{
		"aac": {"-c:a", "aac"}, "mp3": {"-c:a", "libmp3lame"}, "ac3": {"-c:a", "ac3"}, "eac3": {"-c:a", "eac3"}, "opus": {"-c:a", "libopus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream, want := muxed(t, []string{"-c:v", "libx264", "-bf", "2", "-g", "10"}, encoder)
			datagrams := slices.Collect(slices.Chunk(stream, 1316))
			for seed := range uint64(8) {
				r := rand.New(rand.NewPCG(seed, 0))
				f := newFixture(t)
				lost := 0
				for i, datagram := range datagrams {
					// What comes before the first packet is not known to be missing.
					if i > 3 && (r.IntN(30) == 0 || i == len(datagrams)-1) {
						lost++
						continue
					}
					f.write(datagram, 1316)
				}
				got := f.end()
				missing := requirePart(t, want, got)
				require.Positive(t, lost)
				require.Positive(t, got.losses[media.DropTSLoss])
				require.NotEmpty(t, got.gaps)
				require.Positive(t, missing[0])
				t.Logf("%d datagrams lost: %v units missing, %v", lost, missing, got.losses)
			}
		})
	}
}

func TestAStreamInAnyPiecesIsTheSame(t *testing.T) {
	stream, want := muxed(t, []string{"-c:v", "libx264", "-bf", "2", "-g", "25"}, []string{"-c:a", "aac"})
	m2ts, coded := []byte{}, []byte{}
	for p := range slices.Chunk(stream, packetBytes) {
		m2ts = append(append(m2ts, 0, 1, 2, 3), p...)
		coded = append(append(coded, p...), make([]byte, 16)...)
	}
	for name, of := range map[string]struct {
		stream []byte
		size   int
	}{
		"one byte": {stream, 1}, "odd": {stream, 189}, "whole": {stream, len(stream)}, "M2TS": {m2ts, 1000}, "204 bytes": {coded, 1316},
		"joined within a packet": {append(slices.Clone(stream[100:packetBytes]), stream...), 1316},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.write(of.stream, of.size)
			got := f.end()
			require.Equal(t, []int{0, 0}, requirePart(t, want, got))
			require.Empty(t, got.losses)
		})
	}
}

func TestPacketsThatComeTwiceAreLeftOut(t *testing.T) {
	stream, want := muxed(t, []string{"-c:v", "libx264", "-g", "25"}, []string{"-c:a", "aac"})
	f := newFixture(t)
	for p := range slices.Chunk(stream, packetBytes) {
		f.write(p, packetBytes)
		f.write(p, packetBytes)
	}
	got := f.end()
	require.Equal(t, []int{0, 0}, requirePart(t, want, got))
	require.Empty(t, got.losses)
}
