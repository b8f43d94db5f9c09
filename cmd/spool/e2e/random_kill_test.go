package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/mp4"
)

// killCount is how often the recorder is killed: SOAK_KILLS of make soak-kill.
func killCount(t *testing.T) int {
	text := os.Getenv("SOAK_KILLS")
	if text == "" {
		return 25
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "SOAK_KILLS")
	return n
}

const killStreams = 8

// killConfig records eight streams from the start, four in each mode.
func killConfig() string {
	text := "mp4: {filename_pattern: \"{stream_path}/{timestamp}_{ms}.mp4\"}\nstreams:\n"
	for i := range killStreams {
		text += fmt.Sprintf("  %s: {pull: \"testpattern://?size=320x180&fps=25&gop=25\"}\n", killStream(i))
	}
	text += "pipelines:\n"
	for _, mode := range []string{"plain", "fragment"} {
		text += fmt.Sprintf("  %s:\n    streams: [%q]\n    record: always\n    stages:\n      - source: {}\n      - gop_ring: {}\n"+
			"      - segmenter: {}\n      - mp4: {fragment: %v}\n      - metadata: {}\n", mode, mode+"/*", mode == "fragment")
	}
	return text
}

func killStream(i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("plain/%d", i)
	}
	return fmt.Sprintf("fragment/%d", i)
}

// killed is one kill: when, and what the recorder had said before of each stream.
type killed struct {
	at      time.Time
	written map[string]time.Time // stream -> end of what was written
}

// TestKilledAtRandomInstants kills a recorder of eight streams again and again,
// while it starts, recovers, or records. What it had written is in files that
// play, and the worst loss is what no chunk was made of yet.
func TestKilledAtRandomInstants(t *testing.T) {
	t.Parallel()
	dir, seed := t.TempDir(), rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var losses []time.Duration
	var before killed
	rounds, files := killCount(t), 0
	for n := range rounds + 1 {
		r := launch(t, staticBinary, dir, killConfig())
		r.expect("held nothing whole and was removed")
		after := time.Duration(random.Int64N(int64(3 * time.Second)))
		if n > 0 {
			found := before.check(t, r)
			losses, files = append(losses, found...), files+len(found)
		}
		if n == rounds {
			require.Equal(t, 0, r.signal(syscall.SIGINT), "%s", r.book)
			r.allFinished()
			break
		}
		before = r.killAfter(after)
	}
	require.NotEmpty(t, losses)
	slices.Sort(losses)
	at := func(p int) time.Duration { return losses[(len(losses)-1)*p/100].Round(time.Millisecond) }
	t.Logf("%d kills, %d files, all play; lost before the kill: p50 %v, p99 %v, max %v", rounds, files, at(50), at(99), at(100))
}

// killAfter kills the recorder at an instant, and asks it until then.
func (r *recorder) killAfter(d time.Duration) (k killed) {
	k.written = map[string]time.Time{}
	due := time.Now().Add(d)
	for i := 0; time.Now().Before(due); i++ {
		stream := killStream(i % killStreams)
		if s, ok := r.peek(stream); ok && s.LastWritten.After(k.written[stream]) {
			k.written[stream] = s.LastWritten
		}
	}
	k.at = time.Now()
	r.signal(syscall.SIGKILL)
	return k
}

// peek asks for a status that may not be there yet.
func (r *recorder) peek(stream string) (s status, ok bool) {
	resp, err := client.Get(r.api + "/mp4/status/" + stream)
	if err != nil {
		return s, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return s, err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(body, &s) == nil
}

// check waits until the next recorder has finished what was left, and looks at
// each file: it plays, and holds what was written. It tells how much earlier than
// the kill each ends, and takes the files away.
func (k killed) check(t *testing.T, r *recorder) (losses []time.Duration) {
	t.Helper()
	since := func(name string) bool { return startOf(t, name).Before(k.at) }
	eventually(t, "recovery is done", func() bool { return !slices.ContainsFunc(r.list(".mp4.part"), since) })
	missing := map[string]time.Time{}
	for stream, written := range k.written {
		missing[stream] = written
	}
	for _, file := range r.list(".mp4") {
		rec, err := mp4.ReadEntry(file)
		require.NoError(t, err)
		end := time.Unix(0, rec.EndUTC)
		require.False(t, end.Before(k.written[rec.Stream]), "%s ends at %v; %v was said to be written", file, end, k.written[rec.Stream])
		delete(missing, rec.Stream)
		decodes(t, file)
		losses = append(losses, k.at.Sub(end))
		require.NoError(t, os.Remove(file))
	}
	for stream, written := range missing {
		require.True(t, written.IsZero(), "no file of %s, which was written to until %v", stream, written)
	}
	return losses
}

// startOf reads the time of a name out of {timestamp}_{ms}.
func startOf(t *testing.T, file string) time.Time {
	t.Helper()
	var sec, ms int64
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	_, err := fmt.Sscanf(name, "%d_%d", &sec, &ms)
	require.NoError(t, err, file)
	return time.UnixMilli(sec*1000 + ms)
}
