package mpegts

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = time.Minute

const path = "live/a"

// fixture is a hub with a subscription, and a Demuxer that publishes to it.
type fixture struct {
	t       *testing.T
	hub     *hub.Hub
	sub     *hub.Subscription
	book    *pipelinetest.Log
	demuxer *Demuxer
	begun   int // calls of Publish
	at      time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}, at: time.Now()}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log})
	var err error
	f.sub, err = f.hub.Subscribe(path)
	require.NoError(t, err)
	f.demuxer = NewDemuxer(Options{Log: log, Publish: func() (*hub.Publisher, error) {
		f.begun++
		return f.hub.Publish(path, hub.PublishOptions{Origin: "test"})
	}})
	t.Cleanup(func() {
		f.demuxer.Close(endcause.SourceLost)
		f.sub.Close()
		f.hub.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

// unit is an access unit as it reaches the recordings. Its times are in seconds.
type unit struct {
	hash     string
	dts, pts float64
	sync     bool
	data     []byte // nil in a unit of ffprobe
}

// recorded are the units of a stream by track, and what is missing.
type recorded struct {
	tracks []media.Track
	units  [][]unit
	gaps   []media.Gap
	losses map[string]uint64
}

// end closes the Demuxer and returns what it published.
func (f *fixture) end() recorded {
	f.t.Helper()
	r := recorded{losses: map[string]uint64{}}
	if info, is := f.hub.Info(path); is {
		for _, l := range info.Losses {
			r.losses[l.Cause] = l.Count
		}
	}
	f.demuxer.Close(endcause.EndOfFile)
	if f.begun == 0 {
		return r
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := f.sub.Take(ctx)
		if err != nil {
			require.NoError(f.t, ctx.Err())
			return r
		}
		r.add(c)
		c.Release()
	}
}

func (r *recorded) add(c *media.Chunk) {
	if c.Set == nil {
		return
	}
	r.tracks = c.Set.Tracks
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
			r.units[i] = append(r.units[i], unit{
				hex.EncodeToString(sum[:]), float64(columns.DTS[n]) / scale, float64(columns.DTS[n]+int64(columns.OffsetTicks[n])) / scale,
				columns.Flags[n]&media.FlagSync != 0, data[:size:size],
			})
			data = data[size:]
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

// write passes a stream on in pieces of a size, at about its bit rate.
func (f *fixture) write(stream []byte, size int) {
	f.t.Helper()
	for piece := range slices.Chunk(stream, size) {
		f.at = f.at.Add(time.Duration(len(piece)) * 10 * time.Microsecond)
		require.NoError(f.t, f.demuxer.Data(piece, f.at))
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return data
}
