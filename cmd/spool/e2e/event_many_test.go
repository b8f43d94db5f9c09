package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAnsweredEventsOutliveAKill sends at once more events than a file can name, with long
// texts, and kills the recorder right after a response. Each answered event exists afterwards,
// has its footage, and the webhook receives it. The same holds for an event that waits for its
// stream, and for one whose clip has just begun. It runs with and without the database.
func TestAnsweredEventsOutliveAKill(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"database":      nil,
		"database away": {"--set", "database/driver=postgres", "--set", "database/dsn=postgres://nobody@127.0.0.1:1/none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answeredEventsOutliveAKill(t, flags)
		})
	}
}

func answeredEventsOutliveAKill(t *testing.T, flags []string) {
	h, dir := startHook(t), t.TempDir()
	config := fmt.Sprintf(`
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
  clip/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
pipelines:
  all:
    streams: ["cam/*"]
    record: always
    stages:
      - source
      - gop_ring
      - tee:
          branches:
            - {name: one, stages: [segmenter, mp4: {filename_pattern: "one_{stream}_{timestamp}.mp4"}, metadata]}
            - {name: two, stages: [segmenter, mp4: {filename_pattern: "two_{stream}_{timestamp}.mp4"}, metadata]}
  told: {streams: ["cam/*"], record: always, stages: [source, segmenter, mp4: {filename_pattern: "told_{timestamp}.mp4"}, webhook: {url: %q, notify: [event]}, metadata]}
  clips: {streams: ["clip/*"], record: event, stages: [source, gop_ring, segmenter, mp4, metadata]}
`, h.URL)
	quiet := []string{
		"the file names its maximum of events", "is marked, but not in every", "is recorded, but could not be marked in every",
		"could not be delivered", "the database is not available", "is in the catalogue but not in its file", "of a recovered recording are in the catalogue but not in its file",
		"the events of a recovered recording are incomplete", "compared with",
		"journal damaged", // the kill may truncate its last write
	}
	r := launch(t, staticBinary, dir, config, flags...)
	r.expect(quiet...)
	r.awaitUnits("cam/a", 50)
	eventually(t, "the clip's stream is held", func() bool { return r.status("clip/a").State == "armed" })

	answered := r.floodUntilKilled(t, 400, 320)
	r.exit()
	cut := r.list(".mp4.part")
	require.GreaterOrEqual(t, len(answered), 320)

	again := launch(t, staticBinary, dir, config, flags...)
	again.expect(quiet...)
	eventually(t, "what the kill cut is finished", func() bool {
		return len(answer[struct{ Records []record }](again, "GET", "/mp4/records?state=recovered").Records) == len(cut)
	})
	var lacking atomic.Value
	defer func() {
		if t.Failed() {
			t.Log(lacking.Load())
		}
	}()
	require.Eventually(t, func() bool { // each look lists hundreds of events with their recordings
		rows := again.allEvents()
		for key := range answered {
			row, there := rows[key]
			require.True(t, there, "%s was answered, and is not listed", key)
			if strings.HasPrefix(key, "cam/a") && row.Total < 3 { // one of each branch, and one that the trigger reported
				lacking.Store(fmt.Sprintf("%s: %+v", key, row))
				return false
			}
		}
		return true
	}, 5*patience, time.Second, "each has its footage")
	require.Eventually(t, func() bool { // each notice is synced before it is sent
		h.mu.Lock()
		defer h.mu.Unlock()
		events := 0
		for _, what := range h.heard {
			if strings.HasPrefix(what, "event ") {
				events++
			}
		}
		cams := 0
		for key := range answered {
			if strings.HasPrefix(key, "cam/a") {
				cams++
			}
		}
		lacking.Store(fmt.Sprintf("%d of %d notices", events, cams))
		return events >= cams
	}, 5*patience, time.Second/10, "the webhook has heard of each")
}

// floodUntilKilled posts events at once and kills the recorder after so many responses. It
// returns the keys of the answered events.
func (r *recorder) floodUntilKilled(t *testing.T, events, after int) map[string]bool {
	t.Helper()
	text := strings.Repeat("x", 500)
	var mu sync.Mutex
	answered := map[string]bool{}
	next := make(chan int)
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 64, DisableKeepAlives: false}, Timeout: patience}
	t.Cleanup(client.CloseIdleConnections)
	post := func(n int) {
		stream, extra := "cam/a", ""
		switch {
		case n%100 == 7:
			stream, extra = fmt.Sprintf("clip/%d", n), `, "wait": "1h"`
		case n%100 == 8:
			stream = "clip/a"
		}
		key := fmt.Sprintf("%s-%d-%s", stream, n, strings.Repeat("<", 60))
		// Each event begins before the files: on a busy machine the kill may lose the last half minute of a file's media,
		// and the file then has no media of an event that begins later.
		body := fmt.Sprintf(`{"key": %q, "name": %q, "data": {"text": %q}, "before": 600, "after": 5%s}`, key, key, text, extra)
		resp, err := client.Post(r.api+"/mp4/event/"+stream, "application/json", strings.NewReader(body))
		if err != nil {
			return // the recorder was killed
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%d: %d %s", n, resp.StatusCode, answer)
			return
		}
		answered[key] = true
		if len(answered) == after {
			_ = r.cmd.Process.Signal(syscall.SIGKILL)
		}
	}
	for range 64 {
		all.Go(func() {
			for n := range next {
				post(n)
			}
		})
	}
	for n := range events {
		next <- n
	}
	close(next)
	all.Wait()
	return answered
}

// allEvents returns all events that the recorder lists, by key.
func (r *recorder) allEvents() map[string]listedEvent {
	r.t.Helper()
	out := map[string]listedEvent{}
	for cursor := ""; ; cursor = "&cursor=" + cursor {
		page := answer[struct {
			Events []listedEvent
			Next   string
		}](r, "GET", "/mp4/events?limit=200"+cursor)
		for _, e := range page.Events {
			out[e.Key] = e
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

type listedEvent struct {
	Key   string
	At    time.Time
	Total int `json:"recordings_total"`
}
