package ingest_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// reported sends a picture and a sound every 40 ms for 100 s, with a report of each track every 5 s from the first
// picture on. ahead returns by how much the sender's clock is ahead of the true time, after a time. The data arrives 100 ms
// after it was made.
func reported(t *testing.T, setting string, ahead func(after time.Duration) time.Duration) *bench {
	t.Helper()
	const delay, apart = 100 * time.Millisecond, 40 * time.Millisecond
	b := newBench(t)
	b.Feed.Time(hub.Timing{WallClock: setting})
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	began := b.Now
	for i := range uint32(2500) {
		after := time.Duration(i) * apart
		if i%125 == 0 {
			sent := began.Add(after - delay + ahead(after))
			v.SenderReport(ntpOf(sent), i*3600)
			if i > 0 { // the clock of the sound runs ahead later, which must not count
				sent = sent.Add(20 * time.Millisecond)
			}
			a.SenderReport(ntpOf(sent), i*1920)
		}
		b.Now = began.Add(after)
		b.Send(a, i*1920, true, 0xaa)
		b.Send(v, i*3600, true, ingesttest.IDR...)
	}
	v.Close()
	a.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.H264), 2500)
	require.Len(t, b.Publisher.Of(codec.AAC), 2500)
	return b
}

func ntpOf(at time.Time) uint64 {
	return uint64(at.Unix()+2208988800)<<32 | uint64(at.Nanosecond())<<32/1e9
}

// dates returns by how much the date of each picture is ahead of its arrival, once for all pictures that follow each other
// with the same. It requires that the steady time of each, UTC less SteppedNS, is that of arrival.
func dates(t *testing.T, b *bench) (runs []time.Duration) {
	t.Helper()
	pictures := b.Publisher.Of(codec.H264)
	first := pictures[0].AU
	for _, u := range pictures {
		require.InDelta(t, first.UTC-first.SteppedNS+u.AU.MonoNS-first.MonoNS, u.AU.UTC-u.AU.SteppedNS, float64(time.Millisecond))
		by := time.Duration(u.AU.SteppedNS).Round(time.Millisecond)
		if len(runs) == 0 || runs[len(runs)-1] != by {
			runs = append(runs, by)
		}
	}
	return runs
}

// The reports of the sender date the units if the operator wants it and the sender's clock is not wrong.
func TestReportsDateTheUnits(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	constant := func(by time.Duration) func(time.Duration) time.Duration {
		return func(time.Duration) time.Duration { return by }
	}
	from := func(at, before, then time.Duration) func(time.Duration) time.Duration {
		return func(after time.Duration) time.Duration {
			if after < at {
				return before
			}
			return then
		}
	}
	for name, c := range map[string]struct {
		setting string
		ahead   func(time.Duration) time.Duration
		dates   []time.Duration
		problem bool
		warned  int
	}{
		"right":                {hub.WallClockSender, constant(0), []time.Duration{-100 * ms}, false, 0},
		"ahead":                {hub.WallClockSender, constant(30 * s), []time.Duration{30*s - 100*ms}, false, 0},
		"not wanted":           {"auto", constant(30 * s), []time.Duration{0}, false, 0},
		"arrival":              {hub.WallClockArrival, constant(30 * s), []time.Duration{0}, false, 0},
		"an hour behind":       {hub.WallClockSender, constant(-3600 * s), []time.Duration{0}, true, 1},
		"of 1970":              {hub.WallClockSender, constant(time.Since(time.Unix(0, 0)) * -1), []time.Duration{0}, true, 1},
		"put right":            {hub.WallClockSender, from(50*s, 3600*s, 2*s), []time.Duration{0, 2*s - 100*ms}, false, 1},
		"set once":             {hub.WallClockSender, from(50*s, 0, 3*s), []time.Duration{-100 * ms, 3*s - 100*ms}, false, 0},
		"a single odd report":  {hub.WallClockSender, func(a time.Duration) time.Duration { return map[time.Duration]time.Duration{50 * s: 9 * s}[a] }, []time.Duration{-100 * ms}, false, 0},
		"reports of no order":  {hub.WallClockSender, func(a time.Duration) time.Duration { return a * 7 % 11 * 3 }, []time.Duration{-100 * ms}, false, 0},
		"slow by half a part":  {hub.WallClockSender, func(a time.Duration) time.Duration { return -a / 2 }, []time.Duration{-100 * ms}, false, 0},
		"at the limit":         {hub.WallClockSender, func(a time.Duration) time.Duration { return 60*s + 90*ms + a/(5*s)%2*20*ms }, []time.Duration{60*s - 10*ms, 0}, true, 1},
		"small steps are kept": {hub.WallClockSender, from(50*s, 0, 40*ms), []time.Duration{-100 * ms, -60 * ms}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := reported(t, c.setting, c.ahead)
			require.Equal(t, c.dates, dates(t, b))
			problems := 0
			for _, p := range b.Publisher.Problems {
				if p != nil {
					require.Equal(t, "sender_clock", p.Problem)
					problems++
				}
			}
			require.Equal(t, c.problem, problems == 1)
			require.Equal(t, c.warned, strings.Count(b.Log.String(), "the sender's clock is wrong"))
		})
	}
}

// The first units wait for the first report, but not for long: then they are dated by arrival.
func TestTheFirstReportComesLater(t *testing.T) {
	for at, want := range map[uint32][]time.Duration{60: {-time.Second}, 200: {0, -time.Second}} {
		b := newBench(t)
		b.Feed.Time(hub.Timing{WallClock: hub.WallClockSender})
		v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
		began := b.Now
		for i := range uint32(300) {
			b.Now = began.Add(time.Duration(i) * 40 * time.Millisecond)
			if i == at {
				v.SenderReport(ntpOf(b.Now.Add(-time.Second)), i*3600)
			}
			b.Send(v, i*3600, true, ingesttest.IDR...)
		}
		b.Feed.Close()
		require.Equal(t, want, dates(t, b))
	}
}

// If the media time was set anew, the date of the report before does not hold for it: arrival dates the units until two
// reports agree.
func TestTheMediaTimeIsSetAnewBetweenTwoReports(t *testing.T) {
	for _, by := range []uint32{20 * 90000, -20 * 90000 & math.MaxUint32} {
		setAnew(t, by)
	}
}

func setAnew(t *testing.T, by uint32) {
	t.Helper()
	b := newBench(t)
	b.Feed.Time(hub.Timing{WallClock: hub.WallClockSender})
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	began := b.Now
	for i := range uint32(1500) {
		b.Now = began.Add(time.Duration(i) * 40 * time.Millisecond)
		at := 1<<30 + i*3600
		if i >= 200 {
			at += by
		}
		if i%125 == 0 {
			v.SenderReport(ntpOf(b.Now.Add(-2*time.Second)), at)
		}
		b.Send(v, at, true, ingesttest.IDR...)
	}
	b.Feed.Close()
	for i, u := range b.Publisher.Units {
		want := -2 * time.Second
		if i >= 200 && i < 375 {
			want = 0
		}
		require.InDelta(t, began.Add(time.Duration(i)*40*time.Millisecond+want).UnixNano(), u.AU.UTC, float64(time.Millisecond), "picture %d", i)
	}
}
