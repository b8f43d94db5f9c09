package units

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// rows is a catalogue of one stream, the oldest first, with pages of three rows.
type rows []media.Record

func (r rows) Records(_ context.Context, q media.Query) (page media.Page, err error) {
	from, to := q.BoundsUTC()
	var found rows
	for _, row := range r {
		if row.EndUTC > from && row.StartUTC < to {
			found = append(found, row)
		}
	}
	if !q.Ascending {
		slices.Reverse(found)
	}
	at := len(q.Cursor)
	end := min(at+3, len(found))
	if page.Records = found[at:end]; end < len(found) {
		page.Next = "............................................................"[:end]
	}
	return page, nil
}

// drawRows draws recordings of two pipelines. Those of a pipeline do not overlap; gaps are up to three hours. By their anchors
// recordings may begin later, and end earlier, than by their rows.
func drawRows(t *rapid.T) (all rows) {
	skew := rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 300 * time.Millisecond})
	for p, pipeline := range []string{"always", "event"} {
		at := int64(p) * int64(time.Second) // all else is even: no two begin within one second, where clip.Select looks at the whole span
		for i := range rapid.IntRange(1, 12).Draw(t, "recordings") {
			at += int64(rapid.SampledFrom([]time.Duration{0, 2 * time.Second, 10 * time.Minute, 3 * time.Hour}).Draw(t, "gap"))
			end := at + int64(rapid.SampledFrom([]time.Duration{6 * time.Second, 5 * time.Minute, 2 * time.Hour}).Draw(t, "length"))
			r := media.Record{Recording: media.Recording{
				ID: media.ID{byte(p + 1), byte(i)}, Stream: "a", Path: pipeline, Pipeline: pipeline, State: media.StateFinished, StartUTC: at, EndUTC: end,
			}}
			if begin, ended := skew.Draw(t, "begins later"), skew.Draw(t, "ends earlier"); begin+ended > 0 {
				r.Anchors = media.Anchors{{UTC: at + int64(begin)}, {MediaNS: end - at, UTC: end - int64(ended)}}
			}
			if rapid.IntRange(0, 5).Draw(t, "place") == 0 {
				r.State = media.StateRemote
			}
			all = append(all, r)
			at = end
		}
	}
	slices.SortFunc(all, func(a, b media.Record) int { return cmp.Compare(a.StartUTC, b.StartUTC) })
	return all
}

func (r rows) of(c *clip.Clip) *media.Record {
	for i := range r {
		if r[i].ID == c.ID {
			return &r[i]
		}
	}
	return nil
}

// endUTC returns the wall clock at the end of a recording's media.
func (r rows) endUTC(c *clip.Clip) int64 {
	row := r.of(c)
	return c.UTC(row.EndUTC - row.StartUTC)
}

// One recording after another is found, forwards as clip.Find selects them at once.
func TestRecordingsAreFoundOneAfterAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawRows(t)
		s := search{all, "a"}
		ctx := context.Background()
		whole, _, err := clip.Find(ctx, all, "a", clip.Span{StartUTC: footage.Oldest, EndUTC: footage.Newest})
		require.NoError(t, err)
		var got []clip.Clip
		c, err := s.covering(ctx, footage.Oldest)
		for ; c != nil && err == nil; c, err = s.after(ctx, c, all.endUTC(c)) {
			got = append(got, *c)
			require.LessOrEqual(t, len(got), len(whole), "it goes round")
		}
		require.NoError(t, err)
		require.Equal(t, len(whole), len(got))
		for i := range got {
			require.Equal(t, whole[i].ID, got[i].ID, "recording %d", i)
			require.Equal(t, whole[i].Joined, got[i].Joined, "recording %d", i)
			require.Equal(t, max(whole[i].FromNS, 0), max(got[i].FromNS, 0), "recording %d", i)
		}
	})
}

// In reverse, each moment that any recording covers is found once.
func TestRecordingsAreFoundInReverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawRows(t)
		s := search{all, "a"}
		ctx := context.Background()
		covered, here := map[int64]int{}, map[int64]bool{}
		sample := func(from, to int64, see func(at int64)) {
			const step = int64(time.Second)
			for at := (from/step + 1) * step; at < to; at += step {
				see(at)
			}
		}
		for i := range all {
			if all[i].State.Here() {
				begin, end := clip.Wall(&all[i])
				sample(begin, end, func(at int64) { here[at] = true })
			}
		}
		c, err := s.preceding(ctx, footage.Newest)
		upper := footage.Newest
		for c != nil && err == nil {
			begin, end := clip.Wall(all.of(c))
			sample(begin, min(end, upper), func(at int64) { covered[at]++ })
			require.Less(t, begin, upper)
			upper = begin
			c, _, err = s.before(ctx, c)
		}
		require.NoError(t, err)
		for at := range here {
			require.LessOrEqual(t, covered[at], 1)
		}
		require.InDelta(t, len(here), len(covered), float64(len(all)))
	})
}
