package replay

import (
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media/footage"
)

func TestRanges(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 15, 0, 0, time.UTC).UnixNano()
	for text, want := range map[string]Range{
		"clock=20261129T101500Z-":                              {From: Moment{Given, at}},
		"clock=20261129T101500.25Z-20261129T101500.123456789Z": {From: Moment{Given, at + 250_000_000}, To: Moment{Given, at + 123_456_789}},
		"clock=-20261129T101500Z":                              {To: Moment{Given, at}},
		"clock=19000101T000000Z-":                              {From: Moment{Given, at - at - 2_208_988_800_000_000_000}},
		"clock=00010101T000000Z-99991231T235959Z":              {From: Moment{Given, footage.Oldest}, To: Moment{Given, footage.Newest}},
		"npt=0.000-":               {Relative: true, From: Moment{Given, 0}},
		"npt=now-":                 {Relative: true, From: Moment{Is: Now}},
		" npt = 1.5 - 0:01:02.25 ": {Relative: true, From: Moment{Given, 1_500_000_000}, To: Moment{Given, 62_250_000_000}},
		"npt=-20":                  {Relative: true, To: Moment{Given, 20_000_000_000}},
	} {
		got, err := ParseRange(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "clock", "clock=", "clock=-", "npt=-", "smpte=0:0:0-", "clock=20261129T101500-", "clock=20261129T101500,5Z-", "clock=20261129T101500.Z-",
		"clock=20261301T101500Z-", "clock=20261129T101560Z-", "clock=now-", "npt=1:2-", "npt=0:60:00-", "npt=+1-", "npt=1e3-", "npt=1.x-", "npt=9999999999-",
	} {
		_, err := ParseRange(text)
		require.Error(t, err, text)
	}
}

func TestSpeeds(t *testing.T) {
	for _, c := range []struct {
		header base.Header
		want   Speed
		scale  string
	}{
		{nil, Speed{Thousandths: 1000}, "1"},
		{base.Header{"Scale": {"2.5"}}, Speed{Thousandths: 2500}, "2.5"},
		{base.Header{"Scale": {"4"}}, Speed{Thousandths: 4000}, "4"},
		{base.Header{"Scale": {"8"}}, Speed{Thousandths: 8000, Frames: Intra}, "8"},
		{base.Header{"Scale": {"-1e300"}}, Speed{Thousandths: -64_000, Frames: Intra}, "-64"},
		{base.Header{"Scale": {"0.00001"}}, Speed{Thousandths: 125}, "0.125"},
		{base.Header{"Scale": {"-3"}, "Rate-Control": {"no"}}, Speed{Thousandths: -1000, Unpaced: true}, "-1"},
		{base.Header{"Frames": {"Intra/4000"}}, Speed{Thousandths: 1000, Frames: Intra, IntervalNS: 4_000_000_000}, "1"},
		{base.Header{"Frames": {"predicted"}}, Speed{Thousandths: 1000, Frames: Predicted}, "1"},
	} {
		q, err := ParseRequest(c.header)
		require.NoError(t, err)
		require.Equal(t, c.want, q.Speed)
		require.Equal(t, c.scale, q.Speed.String())
		require.Equal(t, len(c.header) > 0, q.Scaled)
	}
	for _, h := range []base.Header{
		{"Scale": {"0"}}, {"Scale": {"NaN"}}, {"Scale": {"fast"}}, {"Rate-Control": {"maybe"}}, {"Frames": {"all/5"}}, {"Frames": {"intra/-5"}},
		{"Frames": {"intra/99999999"}}, {"Frames": {"b"}}, {"Range": {"x"}},
	} {
		_, err := ParseRequest(h)
		var wrong *RequestError
		require.ErrorAs(t, err, &wrong, "%v", h)
	}
}

func TestTheFeatureTag(t *testing.T) {
	h := base.Header{"Require": {"onvif-replay, a", "b"}}
	require.Equal(t, base.HeaderValue{"a", "b"}, Unsupported(h, true))
	require.Equal(t, base.HeaderValue{"onvif-replay", "a", "b"}, Unsupported(h, false))
	require.Empty(t, Unsupported(base.Header{"Require": {"onvif-replay"}}, true))
}

// FuzzRequest reads the headers of a PLAY request. What is read is within its bounds, and an answer with it is read as the same.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{"clock=20261129T101500.25Z-20261129T101500Z", "npt=0-1:02:03.5", "clock=-20261129T101500Z", "npt=now-"} {
		f.Add(text, "-2.5", "no", "intra/4000")
	}
	f.Fuzz(func(t *testing.T, span, scale, control, frames string) {
		q, err := ParseRequest(base.Header{"Range": {span}, "Scale": {scale}, "Rate-Control": {control}, "Frames": {frames}})
		if err != nil {
			for _, c := range err.Error() {
				require.True(t, c >= ' ' && c <= '~', "it is a reason phrase")
			}
			return
		}
		size := max(q.Speed.Thousandths, -q.Speed.Thousandths)
		require.True(t, size >= minScale && size <= maxScale)
		require.GreaterOrEqual(t, q.Speed.IntervalNS, int64(0))
		if q.Ranged && q.Range.From.Is == Given && q.Range.From.At != footage.Oldest && q.Range.From.At != footage.Newest {
			again, err := ParseRange(q.Range.String())
			require.NoError(t, err, q.Range.String())
			require.InDelta(t, q.Range.From.At, again.From.At, 1000)
		}
	})
}

// FuzzPlace reads the query of a URL.
func FuzzPlace(f *testing.F) {
	f.Add("start=2026-11-29T10:15:00Z&end=2026-11-29T10:16:00.5%2B01:00")
	f.Fuzz(func(t *testing.T, query string) {
		s := Show{fromUTC: footage.Oldest, toUTC: footage.Newest}
		if s.bound(query) == nil {
			require.Less(t, s.fromUTC, s.toUTC)
		}
	})
}
