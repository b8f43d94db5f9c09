package clip

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

const (
	second = int64(time.Second)
	base   = 1_700_000_000 * second
)

// row returns the row of a recording from one second up to another.
func row(pipeline string, from, to int64, cause media.Cause) media.Record {
	r := media.Record{Recording: media.Recording{
		ID: media.ID{byte(from), byte(to), 15: byte(len(pipeline))}, Pipeline: pipeline, Path: "x.mp4", State: media.StateFinished,
		StartUTC: base + from*second, EndUTC: base + to*second,
	}}
	if cause != "" {
		r.Gap = media.Gap{Cause: cause, DurationNS: second}
	}
	return r
}

// part is a clip in seconds; -1 is Begin or End.
type part struct {
	start    int64
	from, to int64
	joined   bool
}

func parts(clips []Clip) (out []part) {
	bound := func(ns int64) int64 {
		if ns == Begin || ns == End {
			return -1
		}
		return ns / second
	}
	for _, c := range clips {
		out = append(out, part{(c.StartUTC - base) / second, bound(c.FromNS), bound(c.ToNS), c.Joined})
	}
	return out
}

func TestClipsOfASpan(t *testing.T) {
	elsewhere := row("a", 20, 30, "")
	elsewhere.Elsewhere = true
	gone := row("a", 20, 30, "")
	gone.State = media.StateRemote
	growing := row("a", 20, 20, "")
	growing.State = media.StateRecording
	for name, c := range map[string]struct {
		rows     []media.Record
		from, to int64
		want     []part
	}{
		"one file":                  {[]media.Record{row("a", 0, 10, "")}, 2, 5, []part{{0, 2, 5, false}}},
		"around a file":             {[]media.Record{row("a", 3, 10, "")}, 2, 50, []part{{3, -1, -1, false}}},
		"joined files":              {[]media.Record{row("a", 0, 10, ""), row("a", 10, 20, "")}, 5, 15, []part{{0, 5, -1, false}, {10, -1, 5, true}}},
		"a loss between":            {[]media.Record{row("a", 0, 10, ""), row("a", 10, 20, "overload")}, 5, 15, []part{{0, 5, -1, false}, {10, -1, 5, false}}},
		"stopped between":           {[]media.Record{row("a", 0, 10, ""), row("a", 15, 20, "")}, 5, 18, []part{{0, 5, -1, false}, {15, -1, 3, false}}},
		"starts in a gap":           {[]media.Record{row("a", 0, 10, ""), row("a", 15, 20, "")}, 12, 18, []part{{15, -1, 3, false}}},
		"another recorder's file":   {[]media.Record{row("a", 0, 20, ""), elsewhere, row("a", 30, 40, "")}, 5, 35, []part{{0, 5, -1, false}, {30, -1, 5, false}}},
		"a file that is gone":       {[]media.Record{gone}, 5, 35, nil},
		"a growing file":            {[]media.Record{row("a", 0, 20, ""), growing}, 5, 35, []part{{0, 5, -1, false}, {20, -1, 15, true}}},
		"two pipelines at one time": {[]media.Record{row("a", 0, 20, ""), row("b", 5, 15, ""), row("a", 20, 30, "")}, 2, 25, []part{{0, 2, -1, false}, {20, -1, 5, true}}},
		"one pipeline after the other": {
			[]media.Record{row("a", 0, 20, ""), row("b", 15, 30, "")}, 2, 25, []part{{0, 2, -1, false}, {15, 5, 10, false}},
		},
		"nothing": {nil, 0, 10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, parts(Select(c.rows, Span{StartUTC: base + c.from*second, EndUTC: base + c.to*second})))
		})
	}
}

func TestASpanOfOnePipeline(t *testing.T) {
	rows := []media.Record{row("a", 0, 20, ""), row("bb", 5, 15, "")}
	got := Select(rows, Span{StartUTC: base, EndUTC: base + 20*second, Pipeline: "bb"})
	require.Equal(t, []part{{5, -1, -1, false}}, parts(got))
}

// A step of the clock within a file is in its anchors.
func TestAnchorsPlaceASpan(t *testing.T) {
	r := row("a", 0, 110, "")
	r.Anchors = media.Anchors{{MediaNS: 0, UTC: base}, {MediaNS: 5 * second, UTC: base + 5*second}, {MediaNS: 5*second + 1, UTC: base + 105*second}, {MediaNS: 10 * second, UTC: base + 110*second}}
	got := Select([]media.Record{r}, Span{StartUTC: base + 106*second, EndUTC: base + 108*second})
	require.Equal(t, []part{{0, 6, 8, false}}, parts(got))
	require.InDelta(t, base+106*second, got[0].UTC(6*second), 1)
}

// A file that grows when the span is selected may be finished when it is opened: its final name finds it in both cases.
func TestAGrowingFileHasItsFinalName(t *testing.T) {
	rows := []media.Record{{Recording: media.Recording{ID: media.ID{1}, StartUTC: base, State: media.StateRecording, Path: "live/a.mp4" + media.PartSuffix}}}
	got := Select(rows, Span{StartUTC: base, EndUTC: base + second})
	require.Len(t, got, 1)
	require.Equal(t, "live/a.mp4", got[0].Path)
}
