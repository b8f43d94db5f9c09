package mp4

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestFramesAfterASeekAreTheSources seeks to fifty times in each form of file, and compares the
// frames that ffmpeg decodes there with the source.
func TestFramesAfterASeekAreTheSources(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of    recipe
		flush time.Duration
		few   bool // only the finished and recovered fragmented forms
	}{
		"GOPs of 0.5 s":                 {recipe{codec: "libx264", seconds: 12, gop: 12}, time.Second, true},
		"GOPs of 4 s":                   {recipe{codec: "libx264", seconds: 18, gop: 100}, time.Second, false},
		"GOPs of 4 s, chunks of 0.25 s": {recipe{codec: "libx264", seconds: 18, gop: 100}, time.Second / 4, true},
		"GOPs of 30 s":                  {recipe{codec: "libx264", seconds: 34, gop: 750}, time.Second, true},
		"GOPs of 4 s, no sound":         {recipe{codec: "libx264", seconds: 18, gop: 100, silent: true}, time.Second, true},
		"GOPs of 4 s, H.265":            {recipe{codec: "libx265", seconds: 10, gop: 100}, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := record(t, c.of)
			want := decoded(t, src)
			for form, file := range everyForm(t, src, c.flush) {
				if c.few && (!strings.Contains(form, "fragmented") || strings.HasPrefix(form, "growing")) {
					continue
				}
				requireSeeks(t, want, file, form)
			}
		})
	}
}

// everyForm makes a file of each form from a source: growing, finished, recovered, and recovered
// without a chunk in the middle.
func everyForm(t *testing.T, src *source, flush time.Duration) map[string]string {
	out := map[string]string{}
	for form, f := range forms {
		cfg := Defaults()
		cfg.Fragment = f.fragment
		s := newSession(t, cfg, nil)
		if f.tail {
			s.reserve = smallReserve(form)
		}
		pool := media.NewCheckedPool()
		set, chunks := src.chunks(t, pool, flush, nil)
		require.NoError(t, s.Open(context.Background()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks))
		grown, err := os.ReadFile(s.path(s.last()))
		require.NoError(t, err)
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding(), pool.Leaks())
		out["finished, "+form] = s.path(s.last())
		if f.tail {
			continue // it grows and is recovered like the other one
		}
		growing := filepath.Join(t.TempDir(), "growing.mp4")
		require.NoError(t, os.WriteFile(growing, grown, 0o600))
		out["growing, "+form] = growing
		_, out["recovered, "+form] = repaired(t, t.TempDir(), grown[:len(grown)-100])
	}
	return out
}

// decoded returns the MD5 of each frame of a source in presentation order.
func decoded(t *testing.T, src *source) []string {
	frames := frameHashes(t, "-i", src.file, "-map", "0:v")[0]
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(frames))), len(frames), "each picture is like no other")
	return frames
}

// frameHashes decodes with one ffmpeg, which must print no warning, and returns the MD5 of each
// frame, by stream.
func frameHashes(t *testing.T, args ...string) map[int][]string {
	args = append([]string{"-nostdin", "-v", "warning"}, args...)
	table := tool(t, "ffmpeg", append(args, "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	out := map[int][]string{}
	for line := range strings.Lines(string(table)) {
		column := strings.Split(strings.TrimSpace(line), ",")
		if line[0] == '#' {
			continue
		}
		stream, err := strconv.Atoi(strings.TrimSpace(column[0]))
		require.NoError(t, err)
		out[stream] = append(out[stream], strings.TrimSpace(column[5]))
	}
	return out
}

// seekFrames is the number of frames that are compared after a seek: past the end of the chunk.
const seekFrames = 30

func requireSeeks(t *testing.T, source []string, file, form string) {
	seen := probe(t, file)
	pictures := seen.of(0)
	require.Greater(t, len(pictures), len(source)-60, form)
	first := pictures[0].PTS // a key frame, shown first
	var want []int
	for _, p := range pictures {
		want = append(want, int((p.PTS-first+1800)/3600))
	}
	slices.Sort(want) // a cut leaves out frames that are decoded after the last one and shown before it
	rnd := rand.New(rand.NewPCG(1, 2))
	var args, maps []string
	var at []int
	for i := range 50 {
		n := rnd.IntN(len(want))
		at = append(at, n)
		args = append(args, "-threads", "1", "-ss", fmt.Sprintf("%.3f", max(float64(first)/90000+float64(want[n])/25-0.01, 0)), "-t", fmt.Sprint(seekFrames/25.0), "-i", file)
		maps = append(maps, "-map", fmt.Sprintf("%d:v", i))
	}
	got := frameHashes(t, append(args, maps...)...)
	for i, n := range at {
		shown := numbers(source, got[i])
		require.GreaterOrEqual(t, len(shown), min(seekFrames, len(want)-n)-1, "%s: pictures from %d on", form, n)
		require.Equal(t, want[n:min(n+len(shown), len(want))], shown, "%s: pictures from %d on", form, n)
	}
}

// numbers returns the numbers of the frames in the source; -1 for a frame that is not in it.
func numbers(source, hashes []string) (out []int) {
	for _, h := range hashes {
		out = append(out, slices.Index(source, h))
	}
	return out
}

// TestIndexLeavesTheEndOut checks that the sidx does not reach the end of the file: libavformat
// would then ignore other fragments.
func TestIndexLeavesTheEndOut(t *testing.T) {
	src := record(t, avc(8))
	for form, file := range everyForm(t, src, time.Second/4) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		at := bytes.Index(data, []byte("sidx"))
		if !strings.Contains(form, "fragmented") || strings.HasPrefix(form, "growing") {
			require.Negative(t, at, form)
			continue
		}
		boxes := order(t, file)
		require.Equal(t, []string{"moof", "mdat", "free"}, boxes[len(boxes)-3:], form)
	}
}

// TestKillBehindTheLastBoxLosesNothing checks that the box that finishing appends does not count as
// a damaged chunk.
func TestKillBehindTheLastBoxLosesNothing(t *testing.T) {
	k := grow(t, record(t, avc(4)), true)
	r, file := repaired(t, t.TempDir(), append(k.data, 0, 0, 0, 8, 'f', 'r', 'e', 'e'))
	require.NoError(t, r.Err)
	require.Zero(t, r.LostBytes, r.Reason)
	boxes := order(t, file)
	require.Equal(t, []string{"moof", "mdat", "free"}, boxes[len(boxes)-3:])
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, info.Size(), r.Recording.SizeBytes)
}
