package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A camera that sends only key frames is recorded without loss, and the disk does not get a
// write and a sync for each frame.
func TestACameraThatSendsOnlyKeyFrames(t *testing.T) {
	t.Parallel()
	r, _, calls := traced(t, `
streams:
  live/a: {pull: "testpattern://?size=320x180&fps=25&gop=1&audio=off"}
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=2&audio=off"}
pipelines:
  ordinary: {streams: ["live/*"], record: always, stages: [source, gop_ring, segmenter: {max_duration: 2.52}, mp4: {filename_pattern: "{pipeline}/{timestamp}_{ms}.mp4"}, metadata]}
  fragmented: {streams: ["live/*"], record: always, stages: [source, gop_ring, segmenter, mp4: {fragment: true, filename_pattern: "{pipeline}/{timestamp}_{ms}.mp4"}, metadata]}
  timelapse: {streams: ["live/*"], record: always, stages: [source, gop_ring, keyframes: {speed: 2}, segmenter, mp4: {filename_pattern: "{pipeline}/{timestamp}_{ms}.mp4"}, metadata]}
  events: {streams: ["cam/*"], record: event, stages: [source, gop_ring: {before: 1.5, after: 0.5}, segmenter, mp4: {filename_pattern: "{pipeline}/{timestamp}_{ms}.mp4"}, metadata]}
`)
	r.awaitUnits("live/a", 4*25)
	eventually(t, "what an event has from before is held", func() bool {
		var status struct{ Ring struct{ Seconds float64 } }
		code, body := r.ask("GET", "/mp4/status/cam/a")
		return code == 200 && json.Unmarshal(body, &status) == nil && status.Ring.Seconds >= 1.5
	})
	code, body := r.ask("POST", "/mp4/event/cam/a")
	require.Equal(t, 200, code, "%s", body)
	var event struct {
		Requested time.Time `json:"requested_start"`
		Actual    time.Time `json:"actual_start"`
	}
	require.NoError(t, json.Unmarshal(body, &event))
	require.False(t, event.Actual.After(event.Requested))
	require.Less(t, event.Requested.Sub(event.Actual), 100*time.Millisecond, "the key frame at or before it, of those that come every 80 ms")
	r.await("recording finished", "reason", "event_end")
	units := r.stream("live/a").AccessUnits
	r.stop("live/a")
	require.Equal(t, 0, r.signal(syscall.SIGTERM))

	files := func(pipeline string) []string {
		all, err := filepath.Glob(filepath.Join(r.files, pipeline, "*.mp4"))
		require.NoError(t, err)
		require.NotEmpty(t, all, pipeline)
		return all
	}
	all := calls()
	pictures := map[string][]uint32{}
	for _, pipeline := range []string{"ordinary", "fragmented", "timelapse", "events"} {
		for _, file := range files(pipeline) {
			decodes(t, file)
			numbers := frameNumbers(t, file, 320, 180)
			pictures[pipeline] = append(pictures[pipeline], numbers...)
			keys := strings.Count(tool(t, "ffprobe", "-v", "error", "-show_entries", "packet=flags", "-of", "csv=p=0", file), "K")
			own := of(all, file+".part")
			writes, syncs := times(own, "pwritev")-1, times(own, "fdatasync")
			require.LessOrEqual(t, syncs, writes)
			if len(numbers) >= 25 {
				require.Less(t, writes, len(numbers)/5, "%d pictures of %s", len(numbers), file)
			}
			if pipeline == "events" {
				require.Equal(t, (len(numbers)+1)/2, keys, file)
			} else {
				require.Len(t, numbers, keys, "each is one: %s", file)
			}
		}
	}
	for pipeline, numbers := range pictures {
		whole(t, numbers)
		if pipeline != "events" {
			require.GreaterOrEqual(t, uint64(numbers[len(numbers)-1])+1, units, "a stop loses nothing: %s", pipeline)
		}
	}
	require.GreaterOrEqual(t, len(pictures["events"]), 50, "two seconds")
	require.LessOrEqual(t, len(pictures["events"]), 54, "and no more")
	require.Zero(t, pictures["events"][0]%2, "a key frame is the first")
	first := frameNumbers(t, files("ordinary")[0], 320, 180)
	require.Len(t, first, 63, "files are cut at the picture")
}
