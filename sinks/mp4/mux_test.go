package mp4

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

func TestFinishedFileHoldsEveryAccessUnitOfItsSource(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]recipe{"h264": avc(8), "h265": hevc(4)} {
		for _, fragment := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/fragment"}[fragment], func(t *testing.T) {
				src, cfg := record(t, r), Defaults()
				cfg.Fragment = fragment
				s := newSession(t, cfg, nil)
				rec := s.record(t, src, media.NewCheckedPool(), nil)
				require.Equal(t, media.StateFinished, rec.State)
				require.EqualValues(t, endcause.Stop, rec.EndReason)
				requireSame(t, src, s.path(rec))
				requirePlays(t, s.path(rec))
				if fragment {
					require.Equal(t, []string{"ftyp", "moov", "free", "sidx", "moof", "mdat", "prft"}, order(t, s.path(rec))[:7])
				} else {
					require.Equal(t, []string{"ftyp", "free", "moov", "free", "mdat"}, order(t, s.path(rec)))
				}
				var report pipeline.Report
				s.Report(&report)
				t.Log(report.Finish, order(t, s.path(rec))[:5])
			})
		}
	}
}

// TestFramesOfUnevenLengthKeepTheirTimes sends frames of video and audio of which no two in a row
// have the same duration, with and without B-frames. Each must keep its times to the tick in the
// growing, the finished and the recovered file.
func TestFramesOfUnevenLengthKeepTheirTimes(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		for _, offset := range []int64{0, 1800} {
			t.Run(fmt.Sprintf("fragment %v, offset %d", fragment, offset), func(t *testing.T) {
				unevenFrames(t, fragment, offset)
			})
		}
	}
}

func unevenFrames(t *testing.T, fragment bool, offset int64) {
	pool, cfg := media.NewCheckedPool(), Defaults()
	cfg.Fragment, cfg.Sync = fragment, syncNone
	s := newSession(t, cfg, nil)
	set, err := media.NewTrackSet(1, []media.Track{
		{Codec: codec.H264, Timescale: 90000, Width: 640, Height: 360, ParameterSets: [][]byte{testSPS, testPPS}},
		{Codec: codec.AAC, Timescale: 48000, SampleRate: 48000, Channels: 2, FrameDurationTicks: 1024, ParameterSets: [][]byte{{0x11, 0x90}}},
	})
	require.NoError(t, err)
	var chunks []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{Flush: time.Second}, func(c *media.Chunk) { chunks = append(chunks, c) })
	b.SetTracks(set)
	want := make([][][2]int64, 2) // DTS and PTS
	next, payload := []int64{0, 0}, make([]byte, 300)
	for i := range int64(400) {
		n := 0
		if next[1]*90000 < next[0]*48000 {
			n = 1
		}
		fill(payload, i)
		at := media.ToNanos(next[n], set.Tracks[n].Timescale)
		au := media.AU{DTS: next[n], PTS: next[n], MonoNS: at, UTC: start.UnixNano() + at, Sync: true, Framed: true, Payload: [][]byte{payload}}
		k := int64(len(want[n]))
		length := 1024 + k%5*120 // the clock of the sender drifts
		if n == 0 {
			length, au.Sync = 3600+k%7*451, k%25 == 0
			au.PTS += offset * (k % 3)
		}
		require.NoError(t, b.Append(n, &au))
		want[n] = append(want[n], [2]int64{au.DTS, au.PTS})
		next[n] += length
	}
	b.Flush()
	check := func(stage, file string) {
		t.Helper()
		seen := probeBoxes(t, file)
		for n := range want {
			got := seen.of(n)
			require.Len(t, got, len(want[n]), stage)
			for i := range got {
				require.Equal(t, want[n][i][0], got[i].DTS-got[0].DTS, "%s: DTS %d of track %d", stage, i, n)
				require.Equal(t, want[n][i][1], got[i].PTS-got[0].PTS, "%s: PTS %d of track %d", stage, i, n)
			}
		}
	}
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	check("growing", s.path(s.last()))
	killed, err := os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	check("finished", s.path(s.last()))
	r, file := repaired(t, t.TempDir(), killed)
	require.NoError(t, r.Err)
	check("recovered", file)
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
