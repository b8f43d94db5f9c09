package timeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

const second = int64(time.Second)

// day is a catalogue of recordings of ten seconds without files, the newest first, that never ends. Each has gaps and
// events.
type day struct {
	asked int // pages
	next  int // requests for what follows the span
}

func (d *day) Records(_ context.Context, q media.Query) (page media.Page, err error) {
	if q.Ascending {
		d.next++
		return page, nil
	}
	_, end := q.BoundsUTC()
	for i := range q.Limit {
		n := int64(d.asked*q.Limit + i)
		r := media.Record{Recording: media.Recording{
			ID: media.ID{1, byte(n >> 16), byte(n >> 8), byte(n)}, Stream: "a", Path: "a.mp4", State: media.StateFinished,
			StartUTC: end - (n+1)*10*second, EndUTC: end - n*10*second,
		}}
		for k := range int64(20) {
			r.Gaps = append(r.Gaps, media.Gap{Cause: media.GapRTPLoss, StartUTC: r.StartUTC + k*second/3, DurationNS: n + k})
			r.Events = append(r.Events, media.Event{AtUTC: r.StartUTC + k, Name: fmt.Sprint(k)})
		}
		page.Records = append(page.Records, r)
	}
	d.asked++
	page.Next = "more"
	return page, nil
}

// An answer is bounded, however much there is, and says from when on it is complete.
func TestTheBoundsOfATimeline(t *testing.T) {
	list := &day{}
	m := NewMaker(&clip.Library{Files: playback.NewDir(t.TempDir(), nil)}, list, &playback.Readers{}, func(id media.ID, err error) { t.Error(id, err) })
	end := int64(4e17)
	got, err := m.Make(t.Context(), &Request{Stream: "a", StartUTC: 0, EndUTC: end, ResolutionNS: 1})
	require.NoError(t, err)
	require.Equal(t, []int{maxRows / media.MaxLimit, 1}, []int{list.asked, list.next}, "queries, however many recordings and intervals there are")
	require.Equal(t, end-maxRows*10*second, got.SinceUTC)
	require.Len(t, got.Gaps, MaxGaps)
	require.True(t, got.GapsCut)
	require.Len(t, got.Events, 500)
	require.True(t, got.EventsCut)
	require.Len(t, got.Spans, 1)
	require.Equal(t, maxRows, got.Spans[0].Recordings)
	require.Len(t, got.Activity.Bytes, MaxIntervals)
	require.Equal(t, end/MaxIntervals, got.Activity.ResolutionNS)
	for i := 1; i < len(got.Gaps); i++ {
		require.GreaterOrEqual(t, got.Gaps[i].StartUTC, got.Gaps[i-1].StartUTC)
	}
	require.GreaterOrEqual(t, got.Gaps[0].DurationNS, int64(maxRows-100), "the longest")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range maxAtOnce {
		m.running <- struct{}{}
	}
	_, err = m.Make(ctx, &Request{EndUTC: 1})
	require.ErrorIs(t, err, context.Canceled)
}

func TestGapsAreListedOnceAndWithinTheSpan(t *testing.T) {
	g := gaps{fromUTC: 100 * second, toUTC: 200 * second}
	row := func(id byte, start int64, before media.Gap, inside ...media.Gap) *media.Record {
		return &media.Record{Recording: media.Recording{ID: media.ID{id}, State: media.StateFinished, StartUTC: start * second, Gap: before, Gaps: inside}}
	}
	lost := media.Gap{Cause: media.GapSourceLost, DurationNS: 5 * second}
	g.addAll(row(1, 150, lost))
	g.addAll(row(2, 150, lost)) // of another pipeline
	g.addAll(row(3, 90, media.Gap{}, media.Gap{Cause: media.GapRTPLoss, StartUTC: 95 * second, DurationNS: 10 * second}, media.Gap{Cause: media.GapStall, StartUTC: 95 * second, DurationNS: 5 * second}))
	g.addAll(row(4, 205, lost))
	g.addAll(row(5, 204, lost)) // its begin is within
	remote := row(6, 160, lost)
	remote.State = media.StateLost
	g.addAll(remote)
	g.addAll(row(7, 170, media.Gap{Cause: media.GapClockStep, StepNS: 9}))
	list, cut := g.result()
	require.False(t, cut)
	var causes []string
	for _, one := range list {
		causes = append(causes, fmt.Sprintf("%s %d %v", one.Cause, one.StartUTC/second, one.Inside))
	}
	require.Equal(t, []string{"rtp_loss 95 true", "source_lost 145 false", "clock_step 170 false", "source_lost 199 false"}, causes)
}

func TestIntervalsCoverTheSpan(t *testing.T) {
	require.Equal(t, []int64{86400 * second / 1000, 1000}, list(Intervals(86400*second, 0)))
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Int64Range(1, 1<<62).Draw(t, "length")
		asked := rapid.Int64Range(0, 1<<60).Draw(t, "resolution")
		each, n := Intervals(length, asked)
		if n < 1 || n > MaxIntervals || each < asked || each > 0 && (n-1) > (length-1)/each || float64(n)*float64(each) < float64(length)*0.999999 {
			t.Fatalf("%d intervals of %d", n, each)
		}
	})
}

func list(n ...int64) []int64 { return n }

// Samples in any order are counted in the intervals of their times.
func TestSamplesAreCountedInTheirIntervals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newActivity(&Request{StartUTC: 1000, EndUTC: 2000, ResolutionNS: rapid.Int64Range(1, 1500).Draw(t, "resolution")})
		bytes, keys := make([]int64, len(a.Bytes)), make([]int64, len(a.Bytes))
		for range rapid.IntRange(1, 3).Draw(t, "recordings") {
			n := &counted{into: &a}
			for range rapid.IntRange(0, 40).Draw(t, "samples") {
				utc, key := rapid.Int64Range(900, 2100).Draw(t, "utc"), rapid.Bool().Draw(t, "key")
				n.put(utc, utc, key)
				if utc < 1000 || utc >= 2000 {
					continue
				}
				bytes[(utc-1000)/a.ResolutionNS] += utc
				if key {
					keys[(utc-1000)/a.ResolutionNS] += utc
				}
			}
			n.add()
		}
		for i := range bytes {
			if a.Bytes[i] != bytes[i] || a.KeyBytes[i] != keys[i] {
				t.Fatalf("interval %d: %d, %d; want %d, %d", i, a.Bytes[i], a.KeyBytes[i], bytes[i], keys[i])
			}
		}
	})
}
