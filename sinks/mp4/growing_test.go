package mp4

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

func TestGrowingFilePlaysUpToItsLastWholeChunk(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		src, pool, cfg := record(t, avc(8)), media.NewCheckedPool(), Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		set, chunks := src.chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		counts := make([]int, len(set.Tracks))
		for _, c := range chunks[:4] {
			for i := range c.Tracks {
				counts[i] += c.Tracks[i].Len()
			}
		}
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks[:4]))
		rec := s.last()
		require.Equal(t, media.StateRecording, rec.State)
		require.Equal(t, "live_cam_20260304_050607.mp4.part", rec.Path)
		requireSame(t, src, s.path(rec), counts...)
		requirePlays(t, s.path(rec))

		whole, err := Playable(s.path(rec))
		require.NoError(t, err)
		info, err := os.Stat(s.path(rec))
		require.NoError(t, err)
		require.Equal(t, info.Size(), whole)

		// A copy that lost part of its last chunk has that much less to serve.
		torn := filepath.Join(t.TempDir(), "torn.mp4.part")
		data, err := os.ReadFile(s.path(rec))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(torn, data[:len(data)-1], 0o600))
		less, err := Playable(torn)
		require.NoError(t, err)
		require.Less(t, less, whole)
		require.NoError(t, os.Truncate(torn, less))
		requirePlays(t, torn)

		require.NoError(t, s.put(seg, nil))
		for _, c := range chunks[4:] {
			require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Chunk: c}, s.emit))
		}
		require.NoError(t, s.end(seg, endcause.Stop))
		requireSame(t, src, s.path(s.last()))
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}

func TestAbortLeavesThePartAndRecoveryFinishesIt(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		src, pool, cfg := record(t, avc(8)), media.NewCheckedPool(), Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		set, chunks := src.chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		require.NoError(t, s.put(segment(set, 1), chunks))
		part := s.last()
		require.NoError(t, s.Close())
		require.FileExists(t, s.path(part))

		var got []Repaired
		require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { got = append(got, r) }))
		require.Len(t, got, 1)
		require.NoError(t, got[0].Err)
		rec := got[0].Recording
		require.Equal(t, media.StateRecovered, rec.State)
		require.EqualValues(t, endcause.Crash, rec.EndReason)
		require.Equal(t, part.ID, rec.ID)
		require.Zero(t, got[0].Lost)
		require.NoFileExists(t, s.path(part))
		requireSame(t, src, s.path(rec))
		requirePlays(t, s.path(rec))
		require.InDelta(t, 8.0, float64(rec.DurationNS)/1e9, 0.1)
		require.InDelta(t, float64(start.Add(8*time.Second).UnixNano()), float64(rec.EndUTC), 1e8)

		entry, err := ReadEntry(s.path(rec))
		require.NoError(t, err)
		require.Equal(t, rec, entry)
	}
}

func TestMoovThatDoesNotFitTheReserveGoesToTheEnd(t *testing.T) {
	t.Parallel()
	src := record(t, avc(60))
	s := newSession(t, Defaults(), nil)
	rec := s.record(t, src, media.NewCheckedPool(), func(seg *media.Segment) { seg.MaxBytes = 1 })
	require.Equal(t, []string{"ftyp", "free", "mdat", "moov"}, order(t, s.path(rec)))
	requireSame(t, src, s.path(rec))
	requirePlays(t, s.path(rec))
	entry, err := ReadEntry(s.path(rec))
	require.NoError(t, err)
	rec.Directory = ""
	require.Equal(t, rec, entry)
}

func TestFinishingWritesOnlyTheMoov(t *testing.T) {
	t.Parallel()
	src := record(t, avc(60))
	for _, fragment := range []bool{false, true} {
		cfg := Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		rec := s.record(t, src, media.NewCheckedPool(), nil)
		requireSame(t, src, s.path(rec))
		var report pipeline.Report
		s.Report(&report)
		require.Equal(t, rec.SizeBytes, report.Finish.FileBytes)
		require.Less(t, float64(report.Finish.BytesWritten), 0.005*float64(rec.SizeBytes))
		t.Log(report.Finish)
	}
}

func TestTrackThatComesLateOrNever(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	for name, c := range map[string]struct {
		only   func(unit) bool
		counts []int // packets left out at the front of each stream; -1: the track never comes
	}{
		"sound after 3 s":   {func(u unit) bool { return u.track == 0 || u.au.MonoNS > 3e9 }, nil},
		"picture after 3 s": {func(u unit) bool { return u.track == 1 || u.au.MonoNS >= 2.9e9 }, nil},
		"no sound":          {func(u unit) bool { return u.track == 0 }, nil},
	} {
		for _, fragment := range []bool{false, true} {
			t.Run(name, func(t *testing.T) { late(t, src, c.only, fragment) })
		}
	}
}

// late records part of a source and compares the presentation times with the source's: in the growing,
// the finished and the recovered file.
func late(t *testing.T, src *source, only func(unit) bool, fragment bool) {
	pool, cfg := media.NewCheckedPool(), Defaults()
	cfg.Fragment = fragment
	s := newSession(t, cfg, nil)
	set, chunks := src.chunks(t, pool, time.Second, only)
	// kept holds the units that the builder accepted: it waits for a key frame.
	kept := map[[2]int64]bool{}
	for _, c := range chunks {
		for i := range c.Tracks {
			for k, dts := range c.Tracks[i].DTS {
				kept[[2]int64{int64(i), dts + int64(c.Tracks[i].OffsetTicks[k])}] = true
			}
		}
	}
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	check := func(stage, file string) {
		got := probe(t, file)
		zero := int64(-1)
		n := 0
		for _, p := range got.Packets {
			stream := p.Stream
			if got.Streams[stream].Kind == "audio" {
				stream = 1
			}
			for _, want := range src.probe.Packets {
				if want.Stream != stream || want.Hash != p.Hash || !kept[[2]int64{int64(stream), want.PTS}] {
					continue
				}
				scale := src.tracks[stream].Timescale
				shift := media.ToNanos(want.PTS, scale) - media.ToNanos(p.PTS, scale)
				if zero == -1 {
					zero = shift
				}
				if d := shift - zero; d > -1e6 && d < 1e6 {
					n++
					break
				}
			}
		}
		require.Equal(t, len(kept), n, "%s: packets with the source's times", stage)
		require.Len(t, got.Packets, len(kept))
		requirePlays(t, file)
	}
	check("growing", s.path(s.last()))
	copied := filepath.Join(t.TempDir(), "killed.mp4.part")
	data, err := os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, data, 0o600))
	require.NoError(t, s.end(seg, endcause.Stop))
	check("finished", s.path(s.last()))
	require.NoError(t, s.Close())
	r, err := Repair(copied)
	require.NoError(t, err)
	check("recovered", filepath.Join(filepath.Dir(copied), r.Recording.Path))
	require.Equal(t, s.last().DurationNS, r.Recording.DurationNS)
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
