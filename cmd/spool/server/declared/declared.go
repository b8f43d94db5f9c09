package declared

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/stages/hub"
)

// State is one state of what is declared. It is not changed once it is made.
type State struct {
	File      *configs.Config            // of file, environment and flags
	own       map[string]*config.Node    // pipelines made by API, those that are refused among them
	unread    error                      // why the file that keeps them is not obeyed; own is empty then
	Refused   map[string]config.Problems // why some of own are not run
	All       *configs.Config            // File with those of own that are run
	Pipelines []recorder.Declared        // of All
	agenda    recorder.Agenda
}

// Read reads what was made by API in a record directory and checks all that is
// declared. It starts nothing. What was made by API and is not right, or no longer allowed,
// is no error: the file's own pipelines record all the same.
func Read(file *configs.Config) (State, error) {
	own, err := readKept(durable.Disk{}, keptFile(file.MP4.RecordPath))
	return declare(file, own, err)
}

// declare checks everything and starts nothing.
func declare(file *configs.Config, own map[string]*config.Node, unread error) (State, error) {
	run, refused := sift(file, own)
	all, problems := file.With(run)
	if len(problems) > 0 {
		return State{}, problems
	}
	pipelines, err := Compile(all)
	if err != nil {
		return State{}, err
	}
	agenda, problems := all.Agenda()
	return State{file, own, unread, refused, all, pipelines, agenda}, problems.Err()
}

// Deps are the parts that a Set changes.
type Deps struct {
	Load     func() (*configs.Config, error) // reads the configuration again
	Hub      *hub.Hub
	Recorder *recorder.Recorder
	Raise    func(ctx context.Context, stream string, t pipeline.Trigger) error // raises a scheduled event
	Clock    pipeline.Clock
	Wall     *wallclock.Judge
	Log      *slog.Logger
}

// Set is what is declared now. It changes the running parts to what it says, and is
// the API's api.Pipelines.
type Set struct {
	load     func() (*configs.Config, error)
	started  *configs.Config // the one that the process began with
	kept     string          // file of what was made by API
	disk     durable.FS      // that it is on
	hub      *hub.Hub
	recorder *recorder.Recorder
	schedule *recorder.Schedule
	raise    func(context.Context, string, pipeline.Trigger) error
	clock    pipeline.Clock
	log      *slog.Logger

	stops  stopsFile
	change sync.Mutex // one change at a time
	mu     sync.Mutex // guards now
	now    State
}

// New gives the recorder the schedule, and the stops by hand of an earlier run.
func New(s State, d Deps) *Set {
	dir := s.File.MP4.RecordPath
	p := &Set{
		load: d.Load, started: s.File, kept: keptFile(dir), disk: durable.Disk{},
		hub: d.Hub, recorder: d.Recorder, raise: d.Raise, clock: d.Clock, log: d.Log, now: s, stops: stopsFile{path: filepath.Join(dir, ".spool-stops.json")},
	}
	p.schedule = recorder.NewSchedule(d.Recorder, d.Clock, d.Wall, d.Log, p.trigger)
	p.schedule.Set(s.agenda)
	p.restoreStops()
	p.sayRefused(nil, s)
	return p
}

// trigger raises a scheduled event, from before to after as the pipelines say.
func (p *Set) trigger(j recorder.ScheduleJob) error {
	now := p.clock.Now()
	return p.raise(context.Background(), j.Stream, pipeline.Trigger{ID: media.NewID(now), Name: j.Name, At: now, Before: -1, After: -1})
}

// State returns what is declared now.
func (p *Set) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Schedule returns the schedule, which follows what is declared.
func (p *Set) Schedule() *recorder.Schedule { return p.schedule }

// List describes the pipelines.
func (p *Set) List() []api.Pipeline {
	now := p.State()
	out := make([]api.Pipeline, 0, len(now.Pipelines))
	recording := p.recorder.ByPipeline()
	for i := range now.Pipelines {
		out = append(out, p.describe(now, &now.Pipelines[i], recording))
	}
	for name := range now.Refused {
		out = append(out, describeRefused(now, name))
	}
	slices.SortStableFunc(out, func(a, b api.Pipeline) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (p *Set) find(in State, name string) (api.Pipeline, bool) {
	for i := range in.Pipelines {
		if in.Pipelines[i].Plan.Name == name {
			return p.describe(in, &in.Pipelines[i], p.recorder.ByPipeline()), true
		}
	}
	return api.Pipeline{}, false
}

// has reports whether there is a pipeline that can be stopped and started.
func (s *State) has(name string) bool {
	_, is := s.All.Pipelines[configs.PipelineName(name)]
	return is
}

// describe tells of one pipeline; recording lists the streams of all by pipeline.
func (p *Set) describe(in State, d *recorder.Declared, recording map[string][]string) api.Pipeline {
	name := d.Plan.Name
	written := in.All.Pipelines[configs.PipelineName(name)]
	out := api.Pipeline{
		Name: name, Origin: "file", Record: string(d.Mode), Streams: written.Streams,
		Stages: strings.Split(d.Plan.String(), " -> "), Declaration: string(written.Shown(false)), Own: string(written.Shown(in.own[name] != nil)), Held: p.recorder.Held(name),
		Recording: recording[name],
	}
	switch {
	case in.own[name] != nil && in.Refused[name] == nil:
		out.Origin = "api"
	case !in.File.Writes(config.Join("pipelines", name)):
		out.Origin = "mp4"
	}
	return out
}

// Start lets a pipeline record and begins it for every stream that is there.
func (p *Set) Start(_ context.Context, name string) (int, error) {
	if now := p.State(); !now.has(name) {
		return 0, errNoPipeline(name)
	}
	return p.recorder.Resume(name, p.present()), nil
}

// Stop ends a pipeline's recordings and holds it.
func (p *Set) Stop(ctx context.Context, name string, drain bool) (int, error) {
	if now := p.State(); !now.has(name) {
		return 0, errNoPipeline(name)
	}
	return p.recorder.Hold(ctx, name, recorder.HoldOptions{Drain: drain})
}
