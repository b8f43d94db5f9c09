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
	base      *base
	File      *configs.Config            // of file, environment and flags
	own       map[string]*made           // pipelines made by API, those that are refused among them
	unread    error                      // why the file that keeps them is not obeyed; own is empty then
	Refused   map[string]config.Problems // why some of own are not run
	All       *configs.Config            // File with those of own that are run
	Pipelines []recorder.Declared        // of All, by name
}

// Read reads what was made by API in a record directory and checks all that is
// declared. It starts nothing. What was made by API and is not right, or no longer allowed,
// is no error: the file's own pipelines record all the same.
func Read(file *configs.Config) (State, error) {
	kept, err := readKept(durable.Below(file.MP4.RecordPath), keptFile(file.MP4.RecordPath))
	return declare(file, kept, err)
}

// declare checks everything and starts nothing.
func declare(file *configs.Config, kept map[string]*config.Node, unread error) (State, error) {
	b, err := newBase(file)
	if err != nil {
		return State{}, err
	}
	return b.over(b.judgeAll(kept), unread), nil
}

// over puts pipelines that were made by request over those of the file.
func (b *base) over(own map[string]*made, unread error) State {
	s := State{base: b, File: b.file, own: own, unread: unread, Refused: map[string]config.Problems{}}
	run := map[configs.PipelineName]configs.Pipeline{}
	for name, m := range own {
		if len(m.problems) > 0 {
			s.Refused[name] = m.problems
			continue
		}
		run[configs.PipelineName(name)] = m.pipeline
		s.Pipelines = append(s.Pipelines, m.plan)
	}
	for _, d := range b.pipelines {
		if _, replaced := run[configs.PipelineName(d.Plan.Name)]; !replaced {
			s.Pipelines = append(s.Pipelines, d)
		}
	}
	slices.SortFunc(s.Pipelines, byName)
	s.All = b.file.With(run)
	return s
}

func byName(a, b recorder.Declared) int { return strings.Compare(a.Plan.Name, b.Plan.Name) }

// kept returns the declarations that were made by request.
func (s *State) kept() map[string]*config.Node {
	out := make(map[string]*config.Node, len(s.own))
	for name, m := range s.own {
		out[name] = m.declaration
	}
	return out
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

	stops    stopsFile
	change   sync.Mutex // one change at a time
	mu       sync.Mutex // guards what follows
	now      State
	unloaded config.Problems // why the last reload was refused; none when it was not
	forgets  error           // see JudgeDirectory
	restart  []string        // see NeedRestart
}

// New gives the recorder the schedule, and the stops by hand of an earlier run.
func New(s State, d Deps) *Set {
	dir := s.File.MP4.RecordPath
	p := &Set{
		load: d.Load, started: s.File, kept: keptFile(dir), disk: durable.Below(dir),
		hub: d.Hub, recorder: d.Recorder, raise: d.Raise, clock: d.Clock, log: d.Log, now: s, stops: stopsFile{path: filepath.Join(dir, ".spool-stops.json")},
	}
	p.schedule = recorder.NewSchedule(d.Recorder, d.Clock, d.Wall, d.Log, p.trigger)
	p.schedule.Set(s.base.agenda)
	p.restoreStops()
	p.sayRefused(nil, s)
	p.sayUnmanaged(nil, s)
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

// List returns the names of the pipelines in order, those that are kept and not run among
// them, and what describes each as it is at the call.
func (p *Set) List() (names []string, describe func(i int) api.Pipeline) {
	now := p.State()
	names = make([]string, 0, len(now.Pipelines)+len(now.Refused))
	for i := range now.Pipelines {
		names = append(names, now.Pipelines[i].Plan.Name)
	}
	for name := range now.Refused {
		if !now.has(name) { // else one row tells of both
			names = append(names, name)
		}
	}
	slices.Sort(names)
	recording := p.recorder.ByPipeline()
	return names, func(i int) api.Pipeline {
		found, _ := p.find(&now, names[i], recording)
		return found
	}
}

// find describes one pipeline; recording lists the streams of all by pipeline.
func (p *Set) find(in *State, name string, recording map[string][]string) (api.Pipeline, bool) {
	at, is := slices.BinarySearchFunc(in.Pipelines, name, func(d recorder.Declared, name string) int { return strings.Compare(d.Plan.Name, name) })
	switch {
	case is:
		return p.describe(in, &in.Pipelines[at], recording), true
	case in.Refused[name] != nil:
		return describeRefused(in, name), true
	}
	return api.Pipeline{}, false
}

// has reports whether there is a pipeline that can be stopped and started.
func (s *State) has(name string) bool {
	_, is := s.All.Pipelines[configs.PipelineName(name)]
	return is
}

func (p *Set) describe(in *State, d *recorder.Declared, recording map[string][]string) api.Pipeline {
	name := d.Plan.Name
	written := in.All.Pipelines[configs.PipelineName(name)]
	own := in.own[name] != nil && in.Refused[name] == nil
	out := describe(name, &written, own)
	out.Stages, out.Held, out.Recording = strings.Split(d.Plan.String(), " -> "), p.recorder.Held(name), recording[name]
	out.Refused = why(in.Refused[name])
	switch {
	case own:
		out.Origin = "api"
	case in.File.Writes(config.Join("pipelines", name)):
		out.Origin = "file"
	default:
		out.Origin = "mp4"
	}
	return out
}

// describe tells what is written of a pipeline; with own also as its author may see it.
func describe(name string, written *configs.Pipeline, own bool) api.Pipeline {
	out := api.Pipeline{Name: name, Record: written.Record, Streams: written.Streams, Declaration: string(written.Shown(false))}
	if own {
		out.Own = string(written.Shown(true))
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
