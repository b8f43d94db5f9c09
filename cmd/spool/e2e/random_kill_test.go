package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// killCount returns how often the recorder is killed: SOAK_KILLS of make soak-kill.
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

// killRecorders is the number of recorders that run in parallel, each in a directory of its own.
const killRecorders = 4

// TestKilledAtRandomInstants kills recorders of eight streams repeatedly while they start,
// recover or record. The written media is in files that play, and at most the media that was in
// no chunk yet is lost.
func TestKilledAtRandomInstants(t *testing.T) {
	t.Parallel()
	kills, seed := killCount(t), rand.Uint64()
	t.Logf("seed %d", seed)
	var every [killRecorders]kept
	t.Run("recorder", func(t *testing.T) {
		for i := range every {
			share := kills / killRecorders
			if i < kills%killRecorders {
				share++
			}
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				every[i].killAgainAndAgain(t, share, rand.New(rand.NewPCG(seed, uint64(i))))
			})
		}
	})
	sum := kept{}
	for _, k := range every {
		sum.kills, sum.early = sum.kills+k.kills, sum.early+k.early
		sum.losses, sum.whole = append(sum.losses, k.losses...), append(sum.whole, k.whole...)
	}
	require.Equal(t, kills, sum.kills)
	require.NotEmpty(t, sum.losses)
	t.Logf("%d kills, %d of them before the recorder was ready; %d files, all play; lost before the kill: %s; of what was in whole chunks: %s",
		sum.kills, sum.early, len(sum.losses), quantiles(sum.losses), quantiles(sum.whole))
}

func quantiles(d []time.Duration) string {
	slices.Sort(d)
	at := func(p int) time.Duration { return d[(len(d)-1)*p/100].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v, p99 %v, max %v", at(50), at(99), at(100))
}

// kept describes the files that the kills of one recorder left.
type kept struct {
	kills, early int
	losses       []time.Duration // from the end of a file to the kill
	whole        []time.Duration // from there to the end of the last reported whole chunk
}

// killAgainAndAgain kills one recorder kills times, every fourth time before it is ready, and
// checks the files each time it is ready again.
func (k *kept) killAgainAndAgain(t *testing.T, kills int, random *rand.Rand) {
	dir := t.TempDir()
	var before lives
	for ; k.kills < kills; k.kills++ {
		if random.IntN(4) == 0 {
			before.ends = append(before.ends, killEarly(t, dir, time.Duration(random.Int64N(int64(300*time.Millisecond)))))
			k.early++
			continue
		}
		r := launch(t, staticBinary, dir, killConfig())
		r.expect("held no complete chunk and was removed")
		before.check(t, r, k)
		before = r.killAfter(time.Duration(random.Int64N(int64(3 * time.Second))))
	}
	r := launch(t, staticBinary, dir, killConfig())
	r.expect("held no complete chunk and was removed")
	before.check(t, r, k)
	require.Equal(t, 0, r.signal(syscall.SIGINT), "%s", r.book)
	r.allFinished()
}

// killEarly starts a recorder and kills it after a time, ready or not.
func killEarly(t *testing.T, dir string, after time.Duration) time.Time {
	t.Helper()
	r := begin(t, staticBinary, dir, killConfig())
	r.expect("held no complete chunk and was removed")
	<-time.After(after) // any instant will do
	at := time.Now()
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	return at
}

// lives describes the processes of a recorder since its files were checked: when each was
// killed, and its last report of each stream.
type lives struct {
	ends     []time.Time
	written  map[string]time.Time // stream -> end of the written media
	received map[string]time.Time // stream -> end of the last whole chunk
}

// killAfter polls the recorder's status for a time and then kills it.
func (r *recorder) killAfter(d time.Duration) lives {
	l := lives{written: map[string]time.Time{}, received: map[string]time.Time{}}
	due := time.Now().Add(d)
	for i := 0; time.Now().Before(due); i++ {
		stream := killStream(i % killStreams)
		if s, ok := r.peek(stream); ok && !s.LastWritten.IsZero() {
			l.written[stream], l.received[stream] = s.LastWritten, s.LastAccessUnit
		}
	}
	l.ends = []time.Time{time.Now()}
	r.signal(syscall.SIGKILL)
	return l
}

// peek requests a status that may not exist yet.
func (r *recorder) peek(stream string) (s status, ok bool) {
	resp, err := client.Get(r.api + "/mp4/status/" + stream)
	if err != nil {
		return s, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return s, err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(body, &s) == nil
}

// tick is the unit of a video track. The wall clock of an access unit is rounded separately, so
// the end of a file, counted from its start, may differ by less than a tick from that of its
// chunks.
const tick = time.Second / 90000

// check waits until a recorder has finished the files of earlier processes. It requires that
// each plays and holds the written media, notes how much earlier than the kill it ends, and
// removes it.
func (l lives) check(t *testing.T, r *recorder, k *kept) {
	t.Helper()
	if len(l.ends) == 0 {
		return
	}
	theirs := func(name string) bool { return startOf(t, name).Before(l.ends[len(l.ends)-1]) }
	eventually(t, "recovery is done", func() bool { return !slices.ContainsFunc(r.list(".mp4.part"), theirs) })
	missing := maps.Clone(l.written)
	for _, file := range r.list(".mp4") {
		rec, err := mp4.ReadEntry(file)
		require.NoError(t, err)
		start, end := time.Unix(0, rec.StartUTC), time.Unix(0, rec.EndUTC)
		died := slices.IndexFunc(l.ends, start.Before)
		if died < 0 {
			continue // this process's own file
		}
		if written, ok := missing[rec.Stream]; ok && died == 0 {
			require.False(t, end.Add(tick).Before(written), "%s ends at %v; %v was said to be written", file, end, written)
			k.whole = append(k.whole, max(0, l.received[rec.Stream].Sub(end)))
			delete(missing, rec.Stream)
		}
		decodes(t, file)
		k.losses = append(k.losses, l.ends[died].Sub(end))
		require.NoError(t, os.Remove(file))
	}
	require.Empty(t, missing, "no file of streams that were written to")
}

// startOf parses the time in a name of the form {timestamp}_{ms}.
func startOf(t *testing.T, file string) time.Time {
	t.Helper()
	var sec, ms int64
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	_, err := fmt.Sscanf(name, "%d_%d", &sec, &ms)
	require.NoError(t, err, file)
	return time.UnixMilli(sec*1000 + ms)
}
