package e2e

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timeline holds the fields of GET /mp4/timeline that the tests read.
type timeline struct {
	Spans []struct {
		Start      time.Time `json:"start_time"`
		End        time.Time `json:"end_time"`
		State      string
		Recordings int
	}
	Gaps   []gap
	Events []struct {
		At   time.Time
		Name string
	}
	Activity struct {
		Resolution float64
		Bytes      []int64
		KeyBytes   []int64 `json:"key_bytes"`
		Unread     int
	}
}

// gap is missing media on a timeline.
type gap struct {
	Cause   string
	Start   time.Time `json:"start_time"`
	Seconds float64
	Inside  bool
}

func (r *recorder) timeline(stream string, start, end time.Time, more string) timeline {
	r.t.Helper()
	q := url.Values{"start": {start.Format(time.RFC3339Nano)}, "end": {end.Format(time.RFC3339Nano)}}
	return answer[timeline](r, "GET", "/mp4/timeline/"+stream+"?"+q.Encode()+more)
}

// packetBytes returns the bytes of a file's pictures, and of its key frames, as ffprobe reads them.
func packetBytes(t *testing.T, file string) (all, keys int64) {
	t.Helper()
	for _, row := range strings.Fields(tool(t, "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=size,flags", "-of", "csv=p=0", file)) {
		size, flags, _ := strings.Cut(row, ",")
		n, err := strconv.ParseInt(size, 10, 64)
		require.NoError(t, err)
		if all += n; strings.Contains(flags, "K") {
			keys += n
		}
	}
	return all, keys
}

func sum(list []int64) (n int64) {
	for _, one := range list {
		n += one
	}
	return n
}

// A publisher dies and returns. The timeline has both spans, the gap with its cause and its length, the event, and
// the bytes of all pictures at their times, as ffprobe counts them.
func TestATimelineShowsFootageGapsEventsAndActivity(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}}", "--set", "mp4/max_duration=4", "--set", "mp4/filename_pattern={stream_path}/{timestamp}_{ms}.mp4")
	r.expect("media is missing before this file")
	begin := time.Now().Add(-time.Second)
	r.start("live/a", "?wait=true")
	for n := range 2 {
		p := publish(t, x264Clip(t), r.rtsp+"/live/a", "tcp", "-re")
		eventually(t, "a file grows", func() bool { s := r.status("live/a"); return s.State == "recording" && s.AccessUnits > 100 })
		if n == 0 {
			code, body := r.ask("POST", "/mp4/event/live/a?wait=true")
			require.Contains(t, []int{200, 202, 400}, code, "%s", body)
		}
		growing := r.timeline("live/a", begin, time.Now(), "")
		last := growing.Spans[len(growing.Spans)-1]
		require.Equal(t, "recording", last.State)
		require.True(t, last.End.After(last.Start), "%+v", last)
		require.Less(t, time.Until(last.End), time.Duration(0))
		require.Positive(t, sum(growing.Activity.Bytes))
		p.kill()
		killed := r.awaitRecords("live/a", n+1)[n]
		eventually(t, "the footage of the next publisher is later", func() bool { return time.Now().After(killed.End.Add(100 * time.Millisecond)) })
	}
	r.stop("live/a")
	recs := r.records("live/a")
	end := recs[len(recs)-1].End.Add(time.Second)
	got := r.timeline("live/a", begin, end, "&resolution=0.5")
	require.Len(t, got.Spans, 2)
	require.Equal(t, 0.5, got.Activity.Resolution)
	require.Len(t, got.Activity.Bytes, int((end.Sub(begin)+499*time.Millisecond)/(500*time.Millisecond)))
	require.Zero(t, got.Activity.Unread)
	var all, keys int64
	var gap *record
	for i, rec := range recs {
		a, k := packetBytes(t, r.path(rec.File))
		all, keys = all+a, keys+k
		one := r.timeline("live/a", rec.Start, rec.End.Add(-rec.End.Sub(rec.Start)/2), "")
		require.Less(t, sum(one.Activity.Bytes), a, "half of the file")
		require.Positive(t, sum(one.Activity.Bytes))
		if rec.Gap != nil {
			gap = &recs[i]
		}
	}
	require.Equal(t, all, sum(got.Activity.Bytes))
	require.Equal(t, keys, sum(got.Activity.KeyBytes))
	for i, n := range got.Activity.Bytes {
		from := begin.Add(time.Duration(i) * 500 * time.Millisecond)
		inside := false
		for _, s := range got.Spans {
			inside = inside || from.Before(s.End) && from.Add(500*time.Millisecond).After(s.Start)
		}
		require.True(t, inside || n == 0, "bytes where there is no footage: interval %d", i)
	}
	require.NotNil(t, gap)
	require.Len(t, got.Gaps, 1)
	require.Equal(t, "source_lost", got.Gaps[0].Cause)
	require.InDelta(t, gap.Gap.Seconds, got.Gaps[0].Seconds, 1e-6)
	require.WithinDuration(t, gap.Start, got.Gaps[0].Start.Add(time.Duration(got.Gaps[0].Seconds*1e9)), time.Millisecond)
	inGap := got.Gaps[0].Start.Add(time.Duration(got.Gaps[0].Seconds * 5e8))
	cut := r.timeline("live/a", begin, inGap, "")
	require.Len(t, cut.Spans, 1)
	require.Len(t, cut.Gaps, 1, "the gap that the end of the range divides")

	for query, text := range map[string]string{
		"": "start is needed", "start=1&end=1": "end is not after start", "start=x": "is not a time", "start=1&resolution=0": "out of range", "start=1&zoom=1": "unknown parameter",
	} {
		code, body := r.ask("GET", "/mp4/timeline/live/a?"+query)
		require.Equal(t, 400, code, query)
		require.Contains(t, string(body), text, query)
	}
	coarse := r.timeline("live/a", begin.Add(-24*time.Hour), end, "&resolution=0.001")
	require.LessOrEqual(t, len(coarse.Activity.Bytes), 10_000)
	require.Greater(t, coarse.Activity.Resolution, 8.)
	require.Equal(t, all, sum(coarse.Activity.Bytes))
	require.Empty(t, r.timeline("live/b", begin, end, "").Spans)
}
