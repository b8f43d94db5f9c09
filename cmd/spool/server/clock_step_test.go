package server

import (
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

const twoStreams = `
streams:
  live/pattern: {pull: "testpattern://?size=64x64&fps=25&gop=10"}
pipelines:
  default: {streams: ["**"], record: always, stages: [source, gop_ring, segmenter, mp4: {timezone: UTC, filename_pattern: "{stream}_{date:%Y-%m-%d}_{time:%H-%M-%S}.mp4"}, metadata]}
`

// camera publishes over RTSP until the test ends.
func (r *fixture) camera() {
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-f", "rtsp", "-rtsp_transport", "tcp",
		r.servers.All()[0].URL("", "live/camera"))
	require.NoError(r.t, cmd.Start())
	r.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// told is a recording in the response of GET /mp4/records.
type told struct {
	ID       string    `json:"id"`
	File     string    `json:"file_path"`
	URL      string    `json:"url"`
	State    string    `json:"state"`
	Start    time.Time `json:"start_time"`
	End      time.Time `json:"end_time"`
	Duration float64   `json:"duration"`
	Gap      *struct {
		Cause   string  `json:"cause"`
		Seconds float64 `json:"seconds"`
		Step    float64 `json:"clock_step"`
	} `json:"gap"`
}

func (r *fixture) records(t require.TestingT, query string) []told {
	var page struct{ Records []told }
	require.Equal(t, http.StatusOK, r.request(t, "GET", "/mp4/records?limit=100&"+query, &page))
	return page.Records
}

// grown waits until the n-th file of a stream grows, and returns its recording's ID.
func (r *fixture) grown(stream string, n int) (id string) {
	r.t.Helper()
	var reversed []told
	require.EventuallyWithT(r.t, func(c *assert.CollectT) {
		list := r.records(c, "stream="+stream)
		for _, rec := range list {
			if !rec.End.IsZero() && rec.End.Before(rec.Start) {
				reversed = append(reversed, rec)
			}
		}
		i := slices.IndexFunc(list, func(rec told) bool { return rec.State == "recording" })
		require.True(c, len(list) == n && i >= 0 && list[i].Duration > 0.1)
		id = list[i].ID
	}, time.Minute, 20*time.Millisecond)
	require.Empty(r.t, reversed, "at no time a recording ends before it begins")
	return id
}

// TestTheClockStepsWhileFilesGrow steps the clock. A file ends its duration after its start, the
// next file begins by the new time and names that cause, and catalogue, file names and files
// agree.
func TestTheClockStepsWhileFilesGrow(t *testing.T) {
	const years = 50 * 365 * 24 * time.Hour
	steps := []time.Duration{1500 * time.Millisecond, -1500 * time.Millisecond, time.Hour, -time.Hour, years, -years, -years, years}
	r := start(t, t.TempDir(), twoStreams, 0, false)
	r.camera()
	streams := []string{"live/pattern", "live/camera"}
	order := map[string][]string{}
	for i := range len(steps) + 1 {
		if i > 0 {
			r.clock.Set(steps[i-1])
		}
		for _, stream := range streams {
			order[stream] = append(order[stream], r.grown(stream, i+1))
			r.statusIsOfToday(stream)
		}
	}
	for _, stream := range streams {
		require.Equal(t, http.StatusOK, r.request(t, "POST", "/mp4/stop/"+stream, nil))
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.Len(c, r.records(c, "state=finished&stream="+stream), len(steps)+1)
		}, time.Minute, 20*time.Millisecond)
		r.agree(stream, order[stream], steps)
	}
}

// statusIsOfToday requires that the status of a stream has times of the present clock.
func (r *fixture) statusIsOfToday(stream string) {
	r.t.Helper()
	var status struct {
		LastAccessUnit time.Time `json:"last_access_unit"`
		LastWritten    time.Time `json:"last_written"`
	}
	require.Equal(r.t, http.StatusOK, r.ask("GET", "/mp4/status/"+stream, &status))
	require.WithinDuration(r.t, r.clock.Now(), status.LastAccessUnit, 30*time.Minute)
	require.WithinDuration(r.t, r.clock.Now(), status.LastWritten, 30*time.Minute)
}

// agree compares the catalogue's row, the file name and the file of each recording, in the order
// in which they were made.
func (r *fixture) agree(stream string, order []string, steps []time.Duration) {
	t := r.t
	t.Helper()
	list := r.records(t, "stream="+stream)
	slices.SortFunc(list, func(a, b told) int { return slices.Index(order, a.ID) - slices.Index(order, b.ID) })
	for i, rec := range list {
		lasts := time.Duration(rec.Duration * 1e9).Round(time.Microsecond)
		require.WithinDuration(t, rec.Start.Add(lasts), rec.End, time.Millisecond, rec.File)
		name := strings.ReplaceAll(stream, "/", "_") + rec.Start.UTC().Format("_2006-01-02_15-04-05")
		require.True(t, strings.HasPrefix(rec.File, name), "%s begins at %s", rec.File, rec.Start)
		own, err := mp4.ReadEntry(filepath.Join(r.dir, rec.File))
		require.NoError(t, err)
		require.Equal(t, rec.Start.UnixNano(), own.StartUTC)
		require.Equal(t, rec.End.UnixNano(), own.EndUTC)
		require.Equal(t, http.StatusOK, r.request(t, "GET", rec.URL, nil))
		middle := rec.Start.Add(lasts / 2)
		found := r.records(t, url.Values{
			"stream": {stream}, "start": {middle.Format(time.RFC3339Nano)}, "end": {middle.Add(time.Millisecond).Format(time.RFC3339Nano)},
		}.Encode())
		require.True(t, slices.ContainsFunc(found, func(f told) bool { return f.ID == rec.ID }), "%s is found by its time", rec.File)
		if i == 0 {
			continue
		}
		require.NotNil(t, rec.Gap, rec.File)
		require.Equal(t, string(media.GapClockStep), rec.Gap.Cause)
		require.Zero(t, rec.Gap.Seconds, "no media is missing")
		require.InDelta(t, steps[i-1].Seconds(), rec.Gap.Step, 0.1)
		require.EqualValues(t, own.Gap.StepNS, rec.Gap.Step*1e9)
		require.InDelta(t, rec.Gap.Step, rec.Start.Sub(list[i-1].End).Seconds(), 0.5)
	}
}
