package mediamtx

import (
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/play"
)

const noon = "2026-03-04T12:00:00Z"

var noonUTC = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC).UnixNano()

func query(t testing.TB, text string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(text)
	require.NoError(t, err)
	return v
}

func TestARequestForFootageIsRead(t *testing.T) {
	for _, c := range []struct {
		query    string
		startUTC int64
		length   time.Duration
		format   play.Format
	}{
		{"start=" + noon + "&duration=60", noonUTC, time.Minute, play.Fragmented},
		{"start=" + noon + "&duration=60.25&format=fmp4", noonUTC, 60250 * time.Millisecond, play.Fragmented},
		{"start=" + noon + "&duration=1m30s&format=mp4", noonUTC, 90 * time.Second, play.MP4},
		{"start=2026-03-04T13:00:00.5%2B01:00&duration=1e1", noonUTC + 5e8, 10 * time.Second, play.Fragmented},
		{"start=2026-03-04T12:00:00.000000001Z&duration=0.000000002", noonUTC + 1, 2, play.Fragmented},
		{"start=" + noon + "&end=2026-03-04T12:00:01Z", noonUTC, time.Second, play.Fragmented},
		{"start=" + noon + "&start=nonsense&duration=0", noonUTC, 0, play.Fragmented}, // the first one counts
		{"start=" + noon + "&duration=1e300", noonUTC, time.Duration(math.MaxInt64 - noonUTC), play.Fragmented},
		{"start=" + noon + "&duration=Inf", noonUTC, time.Duration(math.MaxInt64 - noonUTC), play.Fragmented},
	} {
		q, err := readGet(query(t, c.query))
		require.NoError(t, err, c.query)
		require.Equal(t, c.startUTC, q.Span.StartUTC, c.query)
		require.Equal(t, c.length, time.Duration(q.Span.EndUTC-q.Span.StartUTC), c.query)
		require.Equal(t, c.format, q.Format, c.query)
		require.True(t, q.Unbroken && q.Direct && q.Options.Split)
	}
}

// The texts are those of MediaMTX.
func TestAnInvalidRequestIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                         "invalid start: parsing time \"\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"2006\"",
		"start=2026-03-04T12:00:00 00:00":          "invalid start: parsing time",
		"start=1772625600&duration=1":              "invalid start: parsing time",
		"start=" + noon:                            "invalid duration: time: invalid duration \"\"",
		"start=" + noon + "&duration=x":            "invalid duration: time: invalid duration \"x\"",
		"start=" + noon + "&duration=-1":           "invalid duration: ",
		"start=" + noon + "&duration=NaN":          "invalid duration: ",
		"start=" + noon + "&end=x":                 "invalid end: parsing time",
		"start=" + noon + "&duration=1&format=mkv": "invalid format: mkv",
		"start=" + noon + "&duration=1&pin=x":      "invalid pin: ",
	} {
		_, err := readGet(query(t, text))
		require.ErrorContains(t, err, want, text)
		require.Equal(t, 400, err.(*fault).code)
	}
}

func TestAPathIsOneStream(t *testing.T) {
	for _, good := range []string{"cam", "live/camera 1", "büro/tür", "a.b/c-d"} {
		path, err := readPath(url.Values{"path": {good}})
		require.NoError(t, err)
		require.Equal(t, good, path)
	}
	for _, bad := range []string{"", "*", "live/*", "../a", "a/../b", "a\x00", strings.Repeat("a", 300)} {
		_, err := readPath(url.Values{"path": {bad}})
		require.ErrorContains(t, err, "invalid path name: ", "%q", bad)
		require.Less(t, len(err.Error()), 1000)
	}
}

func TestTheBoundsOfAListAreOptional(t *testing.T) {
	for text, want := range map[string][2]int64{
		"":                           {unboundedStart, unboundedEnd},
		"start=&end=":                {unboundedStart, unboundedEnd},
		"start=" + noon:              {noonUTC, unboundedEnd},
		"end=" + noon:                {unboundedStart, noonUTC},
		"start=0001-01-01T00:00:00Z": {unboundedStart, unboundedEnd},
		"end=9999-12-31T23:59:59Z":   {unboundedStart, unboundedEnd},
		"start=" + noon + "&end=2026-03-04T12:00:00.000000001Z": {noonUTC, noonUTC + 1},
	} {
		start, end, err := readBounds(query(t, text))
		require.NoError(t, err, text)
		require.Equal(t, want, [2]int64{start, end}, text)
	}
	for text, want := range map[string]string{
		"start=today": "invalid start: ", "end=today": "invalid end: ", "start=" + noon + "&end=" + noon: "invalid end: it is not after start",
	} {
		_, _, err := readBounds(query(t, text))
		require.ErrorContains(t, err, want)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("path=a&start=" + noon + "&duration=60&format=mp4")
	f.Add("start=" + noon + "&duration=1h1ms&pin=x")
	f.Add("path=%00&start=0000-01-01T00:00:00%2B23:59&end=9999-12-31T23:59:59.999999999-23:59")
	f.Fuzz(func(t *testing.T, text string) {
		v, _ := url.ParseQuery(text)
		if path, err := readPath(v); err == nil {
			require.NotEmpty(t, path)
			require.LessOrEqual(t, len(path), 255)
		}
		if start, end, err := readBounds(v); err == nil {
			require.Less(t, start, end)
		}
		q, err := readGet(v)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			require.IsType(t, &fault{}, err)
			return
		}
		if v.Has("duration") {
			require.GreaterOrEqual(t, q.Span.EndUTC, q.Span.StartUTC)
		}
	})
}
