package rtsp

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(clips.dir)
		os.Exit(code)
	}))
}

// deadline bounds events that must happen at all; it measures no speed.
const deadline = 60 * time.Second

// fixture is a hub with real tasks, a checked pool and a readable log.
type fixture struct {
	t     *testing.T
	pool  *media.Pool
	tasks *pipeline.Tasks
	hub   *hub.Hub
	book  *pipelinetest.Log
	log   *slog.Logger
}

func newFixture(t *testing.T) *fixture {
	r := &fixture{t: t, pool: media.NewCheckedPool(), book: &pipelinetest.Log{}}
	r.log = slog.New(slog.NewTextHandler(r.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.tasks = pipeline.NewTasks(r.log, pipeline.SystemClock)
	r.hub = hub.New(r.pool, r.tasks, hub.Config{Log: r.log, Linger: time.Millisecond})
	t.Cleanup(r.end)
	return r
}

func (r *fixture) end() {
	r.hub.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	require.NoError(r.t, r.tasks.Stop(ctx))
	require.Zero(r.t, r.pool.Outstanding(), r.pool.Leaks())
	if r.t.Failed() {
		r.t.Log(r.book.String())
	}
}

// serve runs a server on free loopback ports and returns its address.
func (r *fixture) serve(cfg Config) (*Server, string) {
	cfg.Listen = "127.0.0.1:0"
	s := New(cfg, r.hub, r.log)
	r.tasks.Go("rtsp", s.Run)
	select {
	case <-s.Ready():
	case <-time.After(deadline):
		r.t.Fatal("server does not listen: " + r.book.String())
	}
	return s, s.Addr().String()
}

// unit is an access unit from the hub.
type unit struct {
	dts, pts int64
	sync     bool
	hash     string
	utc      int64
	gen      uint64
}

// taken is the content of a subscription: units by track, and the tracks of every generation.
type taken struct {
	units map[media.Codec][]unit
	sets  []*media.TrackSet
	end   string
}

// record subscribes to a path and collects until the publisher leaves. The path is configured, so that its losses are
// still shown then.
func (r *fixture) record(path string) func() taken {
	if !r.hub.Configured(path) {
		require.NoError(r.t, r.hub.Configure(path, hub.StreamConfig{}))
	}
	sub, err := r.hub.Subscribe(path)
	require.NoError(r.t, err)
	done := make(chan taken, 1)
	go func() {
		defer sub.Close()
		out := taken{units: map[media.Codec][]unit{}}
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		for {
			c, err := sub.Take(ctx)
			if err != nil {
				var end *pipeline.EndError
				if errors.As(err, &end) {
					out.end = end.Reason
				} else {
					out.end = err.Error()
				}
				done <- out
				return
			}
			out.add(c)
			c.Release()
		}
	}()
	return func() taken { return <-done }
}

func (k *taken) add(c *media.Chunk) {
	if n := len(k.sets); n == 0 || k.sets[n-1] != c.Set {
		k.sets = append(k.sets, c.Set)
	}
	for i := range c.Tracks {
		col, codec, at := &c.Tracks[i], c.Set.Tracks[i].Codec, 0
		payload := col.Payload.Append(nil)
		for j := range col.DTS {
			sum := md5.Sum(payload[at : at+int(col.SizeBytes[j])])
			at += int(col.SizeBytes[j])
			k.units[codec] = append(k.units[codec], unit{
				dts: col.DTS[j], pts: col.DTS[j] + int64(col.OffsetTicks[j]), sync: col.Flags[j]&media.FlagSync != 0,
				hash: hex.EncodeToString(sum[:]), utc: c.UTC, gen: c.Set.Generation,
			})
		}
	}
}

func (r *fixture) losses(path string) map[string]uint64 {
	out := map[string]uint64{}
	for _, i := range r.hub.List() {
		if i.Path == path {
			for _, l := range i.Losses {
				out[l.Cause] = l.Count
			}
		}
	}
	return out
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, deadline, 5*time.Millisecond, what)
}

// ffmpeg runs ffmpeg to its end.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-hide_banner", "-loglevel", "warning", "-y"}, args...)...).CombinedOutput()
	require.NoError(t, err, "ffmpeg %v\n%s", args, out)
}

// clips are made once for all tests.
var clips = struct {
	sync.Mutex
	dir  string
	made map[string]bool
}{made: map[string]bool{}}

// clip makes an MP4 by its name and codec arguments, with picture and sound.
func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	clips.Lock()
	defer clips.Unlock()
	if clips.dir == "" {
		dir, err := os.MkdirTemp("", "rtsp-clips-")
		require.NoError(t, err)
		clips.dir = dir
	}
	file := filepath.Join(clips.dir, name+".mp4")
	if !clips.made[name] {
		ffmpeg(t, append(append([]string{
			"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4",
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4",
		}, args...), "-shortest", file)...)
		clips.made[name] = true
	}
	return file
}

var (
	x264 = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k"}
	x265 = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=3:keyint=25:min-keyint=25:log-level=error", "-pix_fmt", "yuv420p", "-c:a", "aac"}
)

// sourcePacket is a packet that ffprobe reads from a file.
type sourcePacket struct {
	dts, pts int64
	key      bool
	hash     string
}

// probe lists a stream's packets and its timescale.
func probe(t *testing.T, file, stream string) (packets []sourcePacket, scale uint32) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", stream, "-show_packets", "-show_data_hash", "md5",
		"-show_entries", "packet=pts,dts,flags,data_hash:stream=time_base", "-of", "default=nw=1", file).Output()
	require.NoError(t, err)
	var p sourcePacket
	for line := range strings.SplitSeq(string(out), "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "pts":
			_, _ = fmt.Sscan(value, &p.pts)
		case "dts":
			_, _ = fmt.Sscan(value, &p.dts)
		case "flags":
			p.key = strings.Contains(value, "K")
		case "data_hash":
			p.hash = strings.ToLower(strings.TrimPrefix(value, "MD5:"))
			packets = append(packets, p)
		case "time_base":
			_, _ = fmt.Sscanf(value, "1/%d", &scale)
		}
	}
	require.NotEmpty(t, packets)
	require.NotZero(t, scale)
	return packets, scale
}

// freeUDPPair finds two consecutive ports outside the system's range of automatic ports: it would give those to
// another socket before the test binds them.
func freeUDPPair(t *testing.T) UDP {
	t.Helper()
	for range 200 {
		pair := UDP{}
		pair.RTP = 2 * uint16(5000+rand.IntN(11000))
		pair.RTCP = pair.RTP + 1
		free := true
		for _, port := range []uint16{pair.RTP, pair.RTCP} {
			pc, err := net.ListenPacket("udp", loopback(port))
			if free = free && err == nil; err == nil {
				_ = pc.Close()
			}
		}
		if free {
			return pair
		}
	}
	t.Fatal("no pair of free UDP ports")
	return UDP{}
}
