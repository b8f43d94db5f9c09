package mp4

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
	"github.com/gospool/spool/sinks/mp4/disk"
	_ "github.com/gospool/spool/stages"
	"github.com/gospool/spool/stages/hub"
)

// slowDisk is a disk whose writes a test can block.
type slowDisk struct {
	mu   sync.Mutex
	gate chan struct{} // closed while the disk works
}

func (d *slowDisk) wait(int, string) error {
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	<-gate
	return nil
}

func (d *slowDisk) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gate = make(chan struct{})
}

func (d *slowDisk) goOn() { close(d.gate) }

// logged is the catalogue of the test.
type logged struct {
	mu   sync.Mutex
	recs map[string][]media.Recording // finished recordings, by stream
}

func (l *logged) Consume(_ context.Context, r media.Recording) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.State == media.StateFinished {
		l.recs[r.Stream] = append(l.recs[r.Stream], r)
	}
	return nil
}

func (l *logged) Flush(context.Context) error { return nil }

func init() {
	pipeline.RegisterTransform("mp4_on_slow_disk", Defaults(), "mp4 on a disk that a test stops",
		func(set pipeline.Settings, cfg Config) (pipeline.Transform[media.Part, media.Recording], error) {
			m, err := New(set, cfg)
			if err != nil {
				return nil, err
			}
			slow, err := pipeline.Use[*slowDisk](set)
			m.openFS = func(dir string) (disk.FS, error) {
				d, err := disk.Open(dir)
				return &faultFS{FS: d, fault: slow.wait}, err
			}
			return m, err
		})
	pipeline.RegisterSink("logged", struct{}{}, "keeps recordings for a test",
		func(set pipeline.Settings, _ struct{}) (pipeline.Sink[media.Recording], error) {
			return pipeline.Use[*logged](set)
		})
}

// TestAStoppedDiskCostsTheLeastImportant stops the disk under many streams. Memory must stay below
// its limit. Whole GOPs of the streams with the lowest priority must be dropped, each counted and in
// a gap. When the disk works again, everything must be recorded.
//
// SPOOL_OVERLOAD_STREAMS sets the number of streams, SPOOL_OVERLOAD_SECONDS the duration.
func TestAStoppedDiskCostsTheLeastImportant(t *testing.T) {
	streams, seconds := fromEnv("SPOOL_OVERLOAD_STREAMS", 12), fromEnv("SPOOL_OVERLOAD_SECONDS", 60)
	bound := int64(streams) * 2 << 20
	l := newOverload(t, streams, bound)
	l.publish(t, 3, nil)
	l.disk.stop()
	most := int64(0)
	l.publish(t, seconds, func() {
		most = max(most, l.pool.Memory())
		require.LessOrEqual(t, l.pool.Memory(), bound, "the bound is passed")
	})
	t.Logf("%d streams, disk stopped for %d s of media: %.1f MiB at most of %.1f, RSS %.1f MiB", streams, seconds,
		float64(most)/(1<<20), float64(bound)/(1<<20), float64(rss(t))/(1<<20))
	require.Greater(t, most, bound*3/4, "what may be kept is kept")
	require.Zero(t, l.budget.Dry())
	l.disk.goOn()
	l.settle(t)
	l.publish(t, 5, nil)
	l.stop(t)

	for n := range streams {
		path := stream(n)
		written, dropped := l.written[path], l.dropped[path]
		require.Equal(t, uint64(l.sent), written+dropped, "%s: each access unit is in a file or counted", path)
		recs := l.kept.recs[path]
		if important(n) {
			require.Zero(t, dropped, path)
			require.Len(t, recs, 1)
			continue
		}
		require.Greater(t, dropped, uint64(0), path)
		require.Zero(t, dropped%25, "%s: whole GOPs go", path)
		require.Equal(t, media.GapOverload, recs[len(recs)-1].Gap.Cause, path)
		missing := int64(0)
		for _, r := range recs {
			missing += int64(r.Gap.DurationNS)
		}
		require.Equal(t, int64(dropped/25)*int64(time.Second), missing, "%s: the gaps say how much", path)
	}
	for _, n := range []int{0, streams - 1} {
		packets := 0
		for _, r := range l.kept.recs[stream(n)] {
			file := probeBoxes(t, filepath.Join(l.dir, r.Path))
			packets += len(file.of(0))
		}
		require.Equal(t, int(l.written[stream(n)]), packets)
	}
}

// overload records streams to one disk within a limit of memory.
type overload struct {
	dir      string
	pool     *media.Pool
	budget   *media.Budget
	disk     *slowDisk
	kept     *logged
	hub      *hub.Hub
	tasks    *pipeline.Tasks
	recorder *recorder.Recorder
	pubs     []*hub.Publisher
	sent     int // access units sent to each

	written, dropped map[string]uint64
	losses           []media.Loss
}

func stream(n int) string  { return fmt.Sprintf("live/%03d", n) }
func important(n int) bool { return n%6 == 5 }
func priority(path string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(path, "live/"))
	if important(n) {
		return 1
	}
	return 0
}

func newOverload(t *testing.T, streams int, maxBytes int64) *overload {
	l := &overload{
		dir: t.TempDir(), pool: media.NewPool(int(maxBytes) / 8), disk: &slowDisk{gate: make(chan struct{})},
		kept: &logged{recs: map[string][]media.Recording{}}, written: map[string]uint64{}, dropped: map[string]uint64{},
	}
	close(l.disk.gate)
	l.budget = media.NewBudget(l.pool, maxBytes, priority)
	log := slog.New(slog.DiscardHandler)
	l.tasks = pipeline.NewTasks(log, pipeline.SystemClock)
	l.hub = hub.New(l.pool, l.tasks, hub.Config{Budget: l.budget, Log: log})
	services := &pipeline.Services{}
	pipeline.Provide(services, l.pool)
	pipeline.Provide(services, l.budget)
	pipeline.Provide(services, l.hub)
	pipeline.Provide(services, l.disk)
	pipeline.Provide(services, l.kept)
	n, err := config.Parse("t.yaml", []byte(fmt.Sprintf(`
- source: {}
- gop_ring: {max_bytes: 1GiB, max_backlog: 1h}
- segmenter: {}
- mp4_on_slow_disk: {record_path: %q, filename_pattern: "{stream}_{seq}.mp4"}
- logged: {}
`, l.dir)))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("p", n)
	require.Empty(t, problems)
	every, err := streampath.ParseGlob("**")
	require.NoError(t, err)
	env := pipeline.Env{Services: services, Log: log, Clock: pipeline.SystemClock}
	l.recorder = recorder.New(env, l.tasks, l.hub, []recorder.Declared{{Plan: plan, Streams: []streampath.Glob{every}, Mode: pipeline.ModeManual}}, time.Minute)
	for i := range streams {
		p, err := l.hub.Publish(stream(i), hub.PublishOptions{})
		require.NoError(t, err)
		require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
		l.pubs = append(l.pubs, p)
		_, err = l.recorder.Start(stream(i), recorder.StartOptions{})
		require.NoError(t, err)
	}
	for i := range streams { // until the pipelines have subscribed
		require.Eventually(t, func() bool { return l.subscribed(stream(i)) }, time.Minute, time.Millisecond)
	}
	return l
}

func (l *overload) subscribed(path string) bool {
	for _, i := range l.hub.List() {
		if i.Path == path {
			return i.Subscribers == 1
		}
	}
	return false
}

// publish sends seconds of GOPs of one second to every stream in step.
func (l *overload) publish(t *testing.T, seconds int, look func()) {
	for range seconds * 25 {
		ns := int64(l.sent) * 40_000_000
		for n, p := range l.pubs {
			size := 12 << 10
			if important(n) {
				size = 1 << 10
			}
			require.NoError(t, p.Write(0, &media.AU{
				DTS: int64(l.sent) * 3600, PTS: int64(l.sent) * 3600, UTC: pipelinetest.StartUTC + ns, MonoNS: ns,
				Sync: l.sent%25 == 0, Payload: [][]byte{make([]byte, size)},
			}))
			if look != nil {
				look()
			}
		}
		l.sent++
	}
}

// settle waits until the waiting chunks are written.
func (l *overload) settle(t *testing.T) {
	require.Eventually(t, func() bool {
		for _, j := range l.recorder.Jobs() {
			if j.Report.RingChunks > 0 {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

func (l *overload) stop(t *testing.T) {
	for n, p := range l.pubs {
		p.Close(endcause.Stop)
		require.Eventually(t, func() bool { _, ended := l.recorder.Last(stream(n)); return ended }, time.Minute, time.Millisecond)
		last, _ := l.recorder.Last(stream(n))
		require.Empty(t, last.LastError)
		l.written[stream(n)] = last.Report.AccessUnits
		for _, d := range last.Report.Drops {
			require.Equal(t, string(media.GapOverload), d.Cause)
			l.dropped[stream(n)] += d.AccessUnits
		}
	}
	require.NoError(t, l.recorder.Shutdown(t.Context()))
	l.hub.Close()
	require.NoError(t, l.tasks.Stop(t.Context()))
	require.Zero(t, l.pool.Outstanding())
	require.Zero(t, l.pool.Memory())
}

func fromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// rss returns the process's resident memory in bytes.
func rss(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	fields := strings.Fields(string(b))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}
