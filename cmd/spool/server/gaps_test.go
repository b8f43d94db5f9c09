package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// lossy is a stream that loses frames on its way.
type lossy struct {
	*eventFeed
	byCause map[media.Cause]int64 // lost time in ns, by the cause that the files should name
	next    map[media.Cause]int   // number of gaps that include one frame more: they last from frame to frame
}

const picture = int64(time.Second) / 25

// lose drops frames, which the next frame reports.
func (f *lossy) lose(pictures int, by media.Cause) {
	for range pictures {
		f.gen.Next()
	}
	track, au := f.gen.Next()
	au.Lost, au.LostBy = pictures, by
	require.NoError(f.t, f.pub.Write(track, au))
	f.frames += pictures + 1
}

// told sums the missing video time of a stream by cause, as the catalogue and each file report
// it.
func (f *lossy) told(t require.TestingT, records []media.Record) map[media.Cause]int64 {
	sum := map[media.Cause]int64{}
	for _, r := range records {
		entry, err := mp4.ReadEntry(filepath.Join(f.dir, r.Path))
		require.NoError(t, err)
		require.Equal(t, entry.Gap, r.Gap)
		require.Equal(t, entry.Gaps, r.Gaps, "file and catalogue agree")
		sum[r.Gap.Cause] += r.Gap.DurationNS
		for _, g := range r.Gaps {
			require.False(t, g.Next)
			sum[g.Cause] += g.Missing()
		}
	}
	delete(sum, "")
	return sum
}

// TestAGapAtTheEndOfAFileIsReportedOnce tests a hole where the file ends for its duration, and where it ends
// because of the hole, with and without frames of the damaged GOP behind it.
func TestAGapAtTheEndOfAFileIsReportedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		before, lost int // frames
		gap          int // frames that the second file's gap reports
		within       []int64
	}{
		"short, before the key frame": {119, 6, 0, []int64{0, 6}},
		"short, with the key frame":   {119, 10, 0, []int64{10, 0}},
		"long, before the key frame":  {95, 30, 31, []int64{0, 0}},
		"long, with pictures behind":  {85, 30, 31, []int64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEventFixture(t, pipeline.ModeAlways, "", "max_duration: 5")
			f := &lossy{eventFeed: r.publish("live/x", 25)}
			f.send(c.before - f.frames)
			f.lose(c.lost, "")
			f.feed(200 - f.frames)
			records := f.end()
			require.Len(t, records, 2)
			require.Equal(t, int64(c.gap)*picture, records[1].Gap.DurationNS)
			for i, want := range c.within {
				got := int64(0)
				for _, g := range records[i].Gaps {
					require.Equal(t, media.GapRTPLoss, g.Cause)
					got += g.Missing()
				}
				require.InDelta(t, want*picture, got, 1e6, "file %d: %+v", i, records[i].Gaps)
			}
		})
	}
}

// TestTheFilesReportAllLosses loses frames at random places and checks the loss by cause,
// from the source through ring, segmenter and muxer to the catalogue.
func TestTheFilesReportAllLosses(t *testing.T) {
	stream := 0
	r := newEventFixture(t, pipeline.ModeAlways, "", "max_duration: 4")
	rapid.Check(t, func(t *rapid.T) {
		stream++
		gop := rapid.SampledFrom([]int{10, 25, 60}).Draw(t, "gop")
		f := &lossy{eventFeed: r.publish("live/"+string(rune('a'+stream%26))+time.Duration(stream).String(), gop),
			byCause: map[media.Cause]int64{}, next: map[media.Cause]int{}}
		for _, n := range rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 7, 20, 30, 55}), 0, 6).Draw(t, "losses") {
			by := rapid.SampledFrom([]media.Cause{media.GapRTPLoss, media.GapDamaged}).Draw(t, "by")
			if n >= 25 { // a gap before a file names lost packets, whatever the cause of the loss
				by = media.GapRTPLoss
			}
			f.lose(n, by)
			f.byCause[by] += int64(n) * picture
			if n >= 25 {
				f.next[by]++
			}
			f.send(rapid.IntRange(2*gop, 4*gop).Draw(t, "pictures")) // a file may begin
		}
		f.feed(gop)
		records := f.end()
		told := f.told(t, records)
		for by, ns := range f.byCause {
			require.GreaterOrEqual(t, told[by], ns-int64(time.Millisecond), "%s of %v", by, told)
			require.LessOrEqual(t, told[by], ns+int64(f.next[by])*picture+int64(time.Millisecond), "%s of %v", by, told)
			delete(told, by)
		}
		require.Empty(t, told)
	})
}
