package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/stages/hub"
)

// plans is what is declared: by the configuration, and over it by the API. It
// changes the running parts to what it says.
type plans struct {
	load     func() (*configs.Config, error) // reads the configuration again
	started  *configs.Config                 // the one that the process began with
	kept     string                          // file of what was made by API
	disk     durable.FS                      // that it is on
	hub      *hub.Hub
	recorder *recorder.Recorder
	schedule *recorder.Schedule
	raise    func(context.Context, string, pipeline.Trigger) (api.Taken, error) // an event; set before the schedule runs
	log      *slog.Logger

	stops  stopsFile
	change sync.Mutex // one change at a time
	mu     sync.Mutex // guards now
	now    declaration
}

// declaration is one state of what is declared. It is not changed once it is
// made.
type declaration struct {
	file     *configs.Config         // of the layers
	own      map[string]*config.Node // made by API
	all      *configs.Config         // both
	declared []recorder.Declared
	agenda   recorder.Agenda
}

// declareAll checks everything and starts nothing.
func declareAll(file *configs.Config, own map[string]*config.Node) (declaration, error) {
	all, problems := file.With(own)
	if len(problems) > 0 {
		return declaration{}, problems
	}
	declared, err := compile(all)
	if err != nil {
		return declaration{}, err
	}
	agenda, problems := all.Agenda()
	return declaration{file, own, all, declared, agenda}, problems.Err()
}

func newPlans(d declaration, load func() (*configs.Config, error), h *house) *plans {
	p := &plans{
		load: load, started: d.file, kept: keptFile(d.file.MP4.RecordPath), disk: durable.Disk{},
		hub: h.hub, recorder: h.recorder, log: h.log, now: d, stops: stopsFile{path: filepath.Join(d.file.MP4.RecordPath, ".spool-stops.json")},
	}
	p.schedule = recorder.NewSchedule(h.recorder, pipeline.SystemClock, h.wall, h.log, p.trigger)
	p.schedule.Set(d.agenda)
	p.restoreStops()
	return p
}

// trigger raises a scheduled event, from before to after as the pipelines say.
func (p *plans) trigger(j recorder.ScheduleJob) error {
	now := time.Now()
	_, err := p.raise(context.Background(), j.Stream, pipeline.Trigger{ID: media.NewID(now), Name: j.Name, At: now, Before: -1, After: -1})
	return err
}

func (p *plans) state() declaration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Reload reads the configuration again and does what is other than before.
func (p *plans) Reload(ctx context.Context) (api.Reloaded, error) {
	p.change.Lock()
	defer p.change.Unlock()
	file, err := p.load()
	if err != nil {
		return api.Reloaded{}, refusal(err)
	}
	if file.MP4.RecordPath != p.started.MP4.RecordPath {
		problem := file.Problem("mp4/record_path", "the directory of the recordings cannot change while spool runs")
		return api.Reloaded{}, refusal(config.Problems{problem.WithHint("start spool again")})
	}
	next, err := declareAll(file, p.state().own)
	if err != nil {
		return api.Reloaded{}, refusal(err)
	}
	out := p.apply(ctx, next)
	out.NeedRestart = needRestart(p.started, file)
	for _, w := range file.Warnings {
		out.Warnings = append(out.Warnings, shownProblem(w))
	}
	return out, nil
}

// apply makes the running parts do what is declared next. The caller holds
// p.change. It goes on when whoever asked for it has gone: half a change would be
// worse.
func (p *plans) apply(ctx context.Context, next declaration) (out api.Reloaded) {
	ctx = context.WithoutCancel(ctx)
	before := p.state()
	p.mu.Lock()
	p.now = next
	p.mu.Unlock()
	out.Streams = p.configure(before.all, next.all)
	changes, err := p.recorder.Update(ctx, next.declared, p.present())
	if err != nil {
		p.log.Error("recordings that a change ended were not all finished", "error", err)
		out.Warnings = append(out.Warnings, "not every recording that was ended is finished: see the log")
	}
	out.Pipelines = api.Touched{Added: changes.Added, Removed: changes.Removed, Changed: changes.Changed}
	out.Restarted = changes.Restarted
	for _, path := range out.Streams.Removed {
		p.forget(ctx, path, before.all.Streams[configs.StreamPath(path)].Pull != "")
	}
	out.Schedule = !reflect.DeepEqual(before.all.Crontab, next.all.Crontab) || before.all.MP4.Timezone != next.all.MP4.Timezone
	if out.Schedule {
		p.schedule.Set(next.agenda)
	}
	return out
}

// forget ends what was recorded because the configuration named a stream. One
// that somebody publishes without being fetched is recorded as any other.
func (p *plans) forget(ctx context.Context, path string, pulled bool) {
	p.hub.Forget(path)
	if !pulled && p.hub.Live(path) {
		return
	}
	if err := p.recorder.Abandon(ctx, path); err != nil {
		p.log.Error("a recording that a change ended is not finished", "stream", path, "error", err)
	}
}

// streamConfig is what the hub is told of a stream.
func streamConfig(s configs.Stream) hub.StreamConfig {
	return hub.StreamConfig{
		Pull: s.Pull, Transport: s.Transport, Override: s.OverridePublisher,
		Fingerprint: s.TLS.Fingerprint,
		ReadTimeout: s.ReadTimeout.D(), WallClock: s.WallClock,
	}
}

// configure tells the hub of streams that are new or others. Those that are gone
// are forgotten when the pipelines know it.
func (p *plans) configure(before, next *configs.Config) (t api.Touched) {
	for _, path := range slices.Sorted(maps.Keys(next.Streams)) {
		s := next.Streams[path]
		old, was := before.Streams[path]
		if was && old == s {
			continue
		}
		err := p.hub.Configure(string(path), streamConfig(s))
		if err != nil { // compile has made the same URL's puller
			p.log.Error("a stream cannot be configured", "stream", path, "error", err)
			continue
		}
		if was {
			t.Changed = append(t.Changed, string(path))
		} else {
			t.Added = append(t.Added, string(path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before.Streams)) {
		if _, is := next.Streams[path]; !is {
			t.Removed = append(t.Removed, string(path))
		}
	}
	return t
}

// present are the streams that are live or configured.
func (p *plans) present() (paths []string) {
	for _, s := range p.hub.List() {
		if s.Configured || p.hub.Live(s.Path) {
			paths = append(paths, s.Path)
		}
	}
	return paths
}

// live are the settings that a reload changes; with the others it waits for a
// new start.
var live = []string{"streams", "pipelines", "crontab", "mp4"}

// late are those below them that it does not.
var late = []string{"mp4/expire_days", "mp4/disk_max_percent"}

func needRestart(started, now *configs.Config) (paths []string) {
	a, _ := config.Describe(started)
	b, _ := config.Describe(now)
	for _, e := range b.Entries {
		if !slices.Contains(live, e.Key) {
			paths = append(paths, differing(a.Get(e.Key), e.Value)...)
		}
	}
	for _, path := range late {
		x, y := a, b
		for _, key := range config.SplitPath(path) {
			x, y = x.Get(key), y.Get(key)
		}
		paths = append(paths, differing(x, y)...)
	}
	return paths
}

// differing are the paths of the values that are not the same.
func differing(a, b *config.Node) (paths []string) {
	if reflect.DeepEqual(a.Any(), b.Any()) {
		return nil
	}
	if a == nil || b == nil || !a.IsMap || !b.IsMap {
		if b == nil {
			b = a
		}
		return []string{b.Path}
	}
	for _, e := range b.Entries {
		paths = append(paths, differing(a.Get(e.Key), e.Value)...)
	}
	for _, e := range a.Entries {
		if b.Get(e.Key) == nil {
			paths = append(paths, e.Value.Path)
		}
	}
	return paths
}

// refusal is an error of a configuration as the API wants it.
func refusal(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return &api.Refused{Problems: []api.Problem{{Text: err.Error()}}}
	}
	out := &api.Refused{}
	for _, p := range problems.Sorted() {
		out.Problems = append(out.Problems, api.Problem{At: place(p.Pos), Path: config.Redact(p.Path), Text: p.Msg, Hint: p.Hint})
	}
	return out
}
