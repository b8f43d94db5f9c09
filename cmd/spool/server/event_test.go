package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// eventFixture is a recorder with one event pipeline. Test patterns feed it as fast as it
// accepts frames: all times are those of the streams.
type eventFixture struct {
	t         *testing.T
	dir       string
	hub       *hub.Hub
	recorder  *recorder.Recorder
	catalogue *metadata.Catalogue
	tasks     *pipeline.Tasks
	protects  *media.Protection // as passed to the stages
	footage   *footage.Store
}

const patternWidth, patternHeight = 192, 108

func newEventFixture(t *testing.T, mode pipeline.Mode, ring, segmenter string) *eventFixture {
	t.Helper()
	return newBoundedFixture(t, mode, ring, segmenter, media.NewProtection(0, 0))
}

func newBoundedFixture(t *testing.T, mode pipeline.Mode, ring, segmenter string, protection *media.Protection) *eventFixture {
	t.Helper()
	r := &eventFixture{t: t, dir: t.TempDir(), protects: protection}
	pool, env := pipelinetest.Pool(t), pipelinetest.Env()
	r.tasks = pipeline.NewTasks(env.Log, env.Clock)
	r.hub = hub.New(pool, r.tasks, hub.Config{Log: env.Log})
	var err error
	r.catalogue, err = metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(r.dir, "spool.db"), JournalDir: filepath.Join(r.dir, "journal"),
		Node: "test", Log: env.Log, Clock: env.Clock, Tasks: r.tasks,
	})
	require.NoError(t, err)
	r.footage = newFootage(r.catalogue, r.dir, pipeline.SystemClock, newMistaken(), func(string) {})
	require.Eventually(t, func() bool {
		page, err := r.catalogue.Records(t.Context(), media.Query{})
		return err == nil && !page.Degraded
	}, time.Minute, time.Millisecond, "the database is open")
	pipeline.Provide(env.Services, pool)
	pipeline.Provide(env.Services, r.hub)
	pipeline.Provide(env.Services, r.catalogue)
	pipeline.Provide(env.Services, r.protects)
	n, err := config.Parse("test.yaml", fmt.Appendf(nil, "[source: {}, gop_ring: {%s}, segmenter: {%s}, mp4: {record_path: %q, sync: none, filename_pattern: '{stream}_{timestamp}.mp4'}, metadata: {}]", ring, segmenter, r.dir))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("events", n)
	require.NoError(t, problems.Err())
	all, err := streampath.ParseGlob("**")
	require.NoError(t, err)
	r.recorder = recorder.New(env, r.tasks, r.hub, []recorder.Declared{{Plan: plan, Streams: []streampath.Glob{all}, Mode: mode}}, time.Minute)
	r.hub.Watch(r.recorder.PublisherCame)
	t.Cleanup(func() { r.stop() })
	return r
}

// events returns the implementation of api.Events.
func (r *eventFixture) events(before, after time.Duration) events {
	return events{
		recorder: r.recorder, recordings: recordings{r.catalogue, files{r.dir}, r.footage, r.recorder},
		before: before, after: after, clock: pipeline.SystemClock, log: slog.New(slog.NewTextHandler(r.t.Output(), nil)),
		protection: r.protects,
	}
}

func (r *eventFixture) stop() {
	ctx := context.Background()
	r.hub.Close()
	require.NoError(r.t, r.recorder.Shutdown(ctx))
	require.NoError(r.t, r.catalogue.Close(ctx))
	require.NoError(r.t, r.tasks.Stop(ctx))
}

// eventFeed is one stream of the fixture.
type eventFeed struct {
	*eventFixture
	path   string
	gen    *testpattern.Generator
	pub    *hub.Publisher
	frames int
}

func (r *eventFixture) publish(path string, gop int) *eventFeed {
	r.t.Helper()
	f := r.announce(path, gop)
	f.feed(30) // the stream is armed
	return f
}

// announce publishes a stream that has sent nothing yet.
func (r *eventFixture) announce(path string, gop int) *eventFeed {
	r.t.Helper()
	return r.announceAt(path, gop, pipelinetest.StartUTC)
}

// announceAt is announce for a stream whose first frame has a given time (UTC ns).
func (r *eventFixture) announceAt(path string, gop int, utc int64) *eventFeed {
	r.t.Helper()
	o := testpattern.Default()
	o.Width, o.Height, o.GOP, o.Channels, o.UTC = patternWidth, patternHeight, gop, 0, utc
	gen, err := testpattern.New(o)
	require.NoError(r.t, err)
	pub, err := r.hub.Publish(path, hub.PublishOptions{})
	require.NoError(r.t, err)
	require.NoError(r.t, pub.SetTracks(gen.Tracks()))
	return &eventFeed{r, path, gen, pub, 0}
}

// feed sends frames and waits until the ring holds all closed chunks.
func (f *eventFeed) feed(frames int) {
	f.t.Helper()
	f.send(frames)
	there := f.at(float64(f.frames)/25 - 1.1)
	require.Eventually(f.t, func() bool {
		s := f.recorder.Status(f.path)
		return len(s) == 1 && !s[0].Report.LastAccessUnit.Before(there)
	}, time.Minute, time.Millisecond)
}

// awaitSource waits until the source of the stream's only run has subscribed.
func (f *eventFeed) awaitSource() {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		s := f.recorder.Status(f.path)
		return len(s) == 1 && len(s[0].Stages) > 0 && s[0].Report.Waiting != "publisher"
	}, time.Minute, time.Millisecond)
}

func (f *eventFeed) send(frames int) {
	f.t.Helper()
	for range frames {
		track, au := f.gen.Next()
		require.NoError(f.t, f.pub.Write(track, au))
	}
	f.frames += frames
}

// at returns the wall clock of a second of the stream.
func (f *eventFeed) at(second float64) time.Time {
	return time.Unix(0, pipelinetest.StartUTC+int64(second*1e9))
}

func (f *eventFeed) second(t time.Time) float64 {
	return float64(t.UnixNano()-pipelinetest.StartUTC) / 1e9
}

// end closes the publisher and returns the stream's recordings, oldest first.
func (f *eventFeed) end() []media.Record {
	f.t.Helper()
	f.pub.Close(endcause.SourceLost)
	require.Eventually(f.t, func() bool { return len(f.recorder.Status(f.path)) == 0 }, time.Minute, time.Millisecond)
	page, err := f.catalogue.Records(f.t.Context(), media.Query{Stream: f.path, Ascending: true})
	require.NoError(f.t, err)
	return page.Records
}

// numbers returns the frame numbers shown in the frames of each file. One ffmpeg decodes all, since
// its start takes longer than a file.
func (r *eventFixture) numbers(files []media.Record) (out [][]int) {
	r.t.Helper()
	dir := r.t.TempDir()
	args := []string{"-nostdin", "-v", "error", "-xerror"}
	for _, f := range files {
		args = append(args, "-threads", "1", "-i", filepath.Join(r.dir, f.Path))
	}
	for i := range files {
		args = append(args, "-map", strconv.Itoa(i), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", filepath.Join(dir, strconv.Itoa(i)))
	}
	text, err := exec.CommandContext(r.t.Context(), "ffmpeg", args...).CombinedOutput()
	require.NoError(r.t, err, "%s", text)
	for i := range files {
		raw, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
		require.NoError(r.t, err)
		var shown []int
		for size := patternWidth * patternHeight; len(raw) >= size; raw = raw[size:] {
			n, ok := testpattern.ReadFrameNumber(raw, patternWidth, patternWidth, patternHeight)
			require.True(r.t, ok)
			shown = append(shown, int(n))
		}
		out = append(out, shown)
	}
	return out
}

// whole checks that a file's frames match its wall clock without a hole, and returns the first
// and the last number.
func (r *eventFixture) whole(rec media.Record, seen []int) (first, last int) {
	r.t.Helper()
	require.NotEmpty(r.t, seen)
	for i, n := range seen {
		require.Equal(r.t, seen[0]+i, n, "a hole in %s", rec.Path)
	}
	require.InDelta(r.t, float64(rec.StartUTC-pipelinetest.StartUTC)/40e6, seen[0], 1, "start of %s", rec.Path)
	return seen[0], seen[len(seen)-1]
}

// TestPreRollIsTrueToTheFrame triggers after 60 s, for GOPs of 0.5, 2 and 30 s.
func TestPreRollIsTrueToTheFrame(t *testing.T) {
	for name, c := range map[string]struct{ gop, first int }{
		"half a second": {12, 1248}, "2 s": {50, 1250}, "30 s": {750, 750},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEventFixture(t, pipeline.ModeEvent, "before: 10, after: 5", "")
			f := r.publish("live/x", c.gop)
			f.feed(1503 - f.frames)
			done, err := r.recorder.Trigger("live/x", pipeline.Trigger{ID: media.EventID("live/x", "k"), Key: "k", At: f.at(60.12), Before: -1, After: -1})
			require.NoError(t, err)
			require.Equal(t, pipeline.EventStarted, done[0].Status)
			require.InDelta(t, 50.12, f.second(done[0].Requested), 0.001)
			require.InDelta(t, float64(c.first)/25, f.second(done[0].Actual), 0.040)
			f.feed(1100) // until no further trigger can extend it
			records := f.end()
			require.Len(t, records, 1)
			require.EqualValues(t, endcause.Event, records[0].EndReason)
			require.Equal(t, "k", records[0].Events[0].Key)
			first, last := r.whole(records[0], r.numbers(records)[0])
			require.Equal(t, c.first, first)
			require.GreaterOrEqual(t, last, 65*25+3-1)
			require.Less(t, last, 66*25+3+25)
			events, err := r.catalogue.Events(t.Context(), media.EventQuery{})
			require.NoError(t, err)
			require.Len(t, events.Events, 1)
			require.InDelta(t, 50.12, f.second(time.Unix(0, events.Events[0].StartUTC)), 0.001)
		})
	}
}

// TestEventMarksAContinuousRecording checks that an event marks the finished, the growing
// and the coming files of its time. No second file is made.
// TestAPublisherThatLeavesAtOnceIsRecorded tests publishers that have left before the goroutine of their job runs.
func TestAPublisherThatLeavesAtOnceIsRecorded(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "", "")
	var feeds []*eventFeed
	for n := range 20 {
		f := r.announce(fmt.Sprintf("live/brief%d", n), 25)
		f.send(30)
		f.pub.Close(endcause.SourceLost)
		feeds = append(feeds, f)
	}
	for _, f := range feeds {
		records := f.end()
		require.Len(t, records, 1, f.path)
		require.EqualValues(t, 30*int64(time.Second)/25, records[0].DurationNS, f.path)
	}
}

func TestEventMarksAContinuousRecording(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 8, after: 6", "max_duration: 5")
	e := r.events(8*time.Second, 6*time.Second)
	f := r.publish("live/x", 25)
	f.feed(22*25 - f.frames)
	done, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{5}, Name: "door", At: f.at(22), Before: -1, After: -1})
	require.NoError(t, err)
	require.Equal(t, pipeline.EventMarked, done.Pipelines[0].Status)
	require.Equal(t, f.at(14), done.Pipelines[0].Actual, "the requested frame is there")
	f.feed(20 * 25)
	records := f.end()
	require.Len(t, records, 9)
	for i, rec := range records {
		touched := i >= 2 && i <= 5 // 10-15, 15-20, 20-25, 25-30
		require.Equal(t, touched, len(rec.Events) == 1, "%d", i)
		require.Equal(t, touched, rec.Protected, "%d", i)
		entry, err := mp4.ReadEntry(filepath.Join(r.dir, rec.Path))
		require.NoError(t, err)
		require.Equal(t, touched, entry.Protected, "%d: the file agrees", i)
		require.Equal(t, rec.Events, entry.Events, "%d: and names it", i)
	}

	_, err = e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{6}, At: f.at(500), Before: -1, After: -1})
	require.Error(t, err, "no publisher and no footage")
	done, err = e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{7}, At: f.at(9), Before: time.Second, After: 2 * time.Second, Protect: pipeline.ProtectOff})
	require.NoError(t, err)
	require.Equal(t, pipeline.EventMarked, done.Pipelines[0].Status)
	page, err := r.catalogue.Events(t.Context(), media.EventQuery{Ascending: true})
	require.NoError(t, err)
	require.Len(t, page.Events, 2)
	require.Equal(t, media.ID{7}, page.Events[0].ID)
	require.Equal(t, "door", page.Events[1].Name)
	rec, err := r.catalogue.Record(t.Context(), records[1].ID)
	require.NoError(t, err)
	require.Equal(t, media.ID{7}, rec.Events[0].ID)
	require.False(t, rec.Protected)
}
