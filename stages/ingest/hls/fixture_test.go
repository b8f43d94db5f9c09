package hls_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	_ "github.com/gospool/spool/stages/ingest/httppull"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = 2 * time.Minute

const path = "live/a"

// server serves files, and what handlers say instead.
type server struct {
	*httptest.Server
	mu       sync.Mutex // guards the fields below
	files    map[string][]byte
	handlers map[string]http.HandlerFunc
	requests []string // paths with queries, in order
}

func newServer(t *testing.T) *server {
	s := &server{files: map[string][]byte{}, handlers: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.RequestURI())
		handle, data := s.handlers[r.URL.Path], s.files[r.URL.Path]
		s.mu.Unlock()
		switch {
		case handle != nil:
			handle(w, r)
		case data != nil:
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// add serves the files of a directory.
func (s *server) add(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		s.files["/"+filepath.Base(name)] = b
	}
}

// asked returns how often paths with a prefix were requested.
func (s *server) asked(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// change replaces a part of a file.
func (s *server) change(t *testing.T, name, old, by string) {
	t.Helper()
	require.Contains(t, string(s.files[name]), old)
	s.files[name] = []byte(strings.Replace(string(s.files[name]), old, by, 1))
}

// fixture is a hub with a subscription, which pulls a URL.
type fixture struct {
	t    *testing.T
	hub  *hub.Hub
	sub  *hub.Subscription
	book *pipelinetest.Log
}

func newFixture(t *testing.T, c hub.StreamConfig) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log, Linger: time.Millisecond})
	require.NoError(t, f.hub.Configure(path, c))
	var err error
	f.sub, err = f.hub.Subscribe(path)
	require.NoError(t, err)
	t.Cleanup(func() {
		f.sub.Close()
		f.hub.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

// fails waits until the log has the reason of a failed pull, without a secret.
func (f *fixture) fails(reason string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return strings.Contains(f.book.String(), reason) }, patience, 5*time.Millisecond, "a pull fails: "+reason)
	require.NotContains(f.t, f.book.String(), "s3cret")
}

// unit is an access unit as it reaches the recordings. Its times are in seconds.
type unit struct {
	hash     string
	dts, pts float64
	sync     bool
}

// recorded are the units of a stream by track, and what is missing.
type recorded struct {
	sets   []*media.TrackSet
	units  [][]unit
	gaps   []media.Gap
	losses map[string]uint64
}

// end returns what was recorded when the stream ends.
func (f *fixture) end() recorded {
	f.t.Helper()
	r := recorded{losses: map[string]uint64{}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := f.sub.Take(ctx)
		if err != nil {
			require.NoError(f.t, ctx.Err(), "the stream does not end")
			break
		}
		r.add(c)
		c.Release()
	}
	info, is := f.hub.Info(path)
	require.True(f.t, is)
	for _, l := range info.Losses {
		r.losses[l.Cause] = l.Count
	}
	return r
}

func (r *recorded) add(c *media.Chunk) {
	if c.Set == nil {
		return
	}
	if n := len(r.sets); n == 0 || r.sets[n-1].Generation != c.Set.Generation {
		r.sets = append(r.sets, c.Set)
	}
	for len(r.units) < len(c.Tracks) {
		r.units = append(r.units, nil)
	}
	if !c.Gap.None() {
		r.gaps = append(r.gaps, c.Gap)
	}
	r.gaps = append(r.gaps, c.Gaps...)
	for i := range c.Tracks {
		columns, scale := &c.Tracks[i], float64(c.Set.Tracks[i].Timescale)
		data := slices.Concat(columns.Payload.Blocks()...)
		for n, size := range columns.SizeBytes {
			sum := md5.Sum(data[:size])
			data = data[size:]
			r.units[i] = append(r.units[i], unit{
				hex.EncodeToString(sum[:]), float64(columns.DTS[n]) / scale, float64(columns.DTS[n]+int64(columns.OffsetTicks[n])) / scale,
				columns.Flags[n]&media.FlagSync != 0,
			})
		}
	}
}

// requireSource checks that the units are those of the source from the unit first on, with their times after a shift that all
// tracks have in common, and returns the shift.
func requireSource(t *testing.T, want [][]unit, got recorded) {
	t.Helper()
	require.Len(t, got.units, len(want))
	shift := got.units[0][0].pts - want[0][0].pts
	for track, all := range want {
		require.Len(t, got.units[track], len(all), "track %d", track)
		for i, w := range all {
			g := got.units[track][i]
			require.Equal(t, w.hash, g.hash, "track %d, unit %d", track, i)
			require.InDelta(t, w.pts+shift, g.pts, 0.001, "track %d, unit %d", track, i)
			require.Equal(t, w.sync, g.sync, "track %d, unit %d", track, i)
		}
	}
}

// ffmpeg runs ffmpeg in a directory.
func ffmpeg(t testing.TB, dir string, args ...string) {
	t.Helper()
	c := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// probed returns the packets of a stream of a file, such as v:0.
func probed(t testing.TB, file, stream string) (out []unit) {
	t.Helper()
	data, err := exec.Command("ffprobe", "-v", "error", "-select_streams", stream, "-show_packets", "-show_data_hash", "md5", "-of", "json", file).Output()
	require.NoError(t, err)
	var answer struct {
		Packets []struct {
			PTS   string `json:"pts_time"`
			DTS   string `json:"dts_time"`
			Flags string `json:"flags"`
			Hash  string `json:"data_hash"`
		}
	}
	require.NoError(t, json.Unmarshal(data, &answer))
	for _, p := range answer.Packets {
		u := unit{hash: p.Hash[len("MD5:"):], sync: p.Flags[0] == 'K'}
		require.NoError(t, json.Unmarshal([]byte(p.PTS), &u.pts))
		require.NoError(t, json.Unmarshal([]byte(p.DTS), &u.dts))
		out = append(out, u)
	}
	return out
}

// seconds is the duration of the source: a segment for each second.
const seconds = 3

// source makes a source with pictures in B-frames and sound, and returns its directory and its packets.
func source(t testing.TB, video ...string) (dir string, want [][]unit) {
	t.Helper()
	dir = t.TempDir()
	if len(video) == 0 {
		video = []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"}
	}
	args := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=duration=%d:size=160x120:rate=25", seconds), "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d:sample_rate=48000", seconds),
		"-pix_fmt", "yuv420p", "-g", "25", "-map", "0:v", "-map", "1:a", "-c:a", "aac"}
	ffmpeg(t, dir, append(append(args, video...), "source.mp4")...)
	file := filepath.Join(dir, "source.mp4")
	return dir, [][]unit{probed(t, file, "v:0"), probed(t, file, "a:0")}
}

// segmented makes playlists of a source in a directory of their own.
func segmented(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out := t.TempDir()
	ffmpeg(t, out, append(append([]string{"-i", filepath.Join(dir, "source.mp4"), "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0"}, args...), "index.m3u8")...)
	return out
}
