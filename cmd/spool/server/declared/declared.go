package declared

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

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

// State holds the declared pipelines, streams and schedule at one moment. It is immutable.
type State struct {
	base      *base
	File      *configs.Config            // the configuration from file, environment and flags
	own       map[string]*made           // pipelines made by API, by name; also those that do not run
	unread    error                      // why the file with own was not accepted, so that own is empty; nil: it was
	Refused   map[string]config.Problems // problems of those pipelines in own that do not run, by name
	All       *configs.Config            // File with those pipelines in own that run
	Pipelines []recorder.Declared        // pipelines of All, sorted by name
}

// Read reads the pipelines made by API from the record directory of the configuration file, and checks
// them together with the configuration. It starts nothing. A fault of the configuration is an error. A
// fault of the pipelines made by API is not: the other pipelines then record without them, and the
// State holds the fault in Refused or Unread.
func Read(file *configs.Config) (State, error) {
	kept, err := readKept(durable.Below(file.MP4.RecordPath), keptFile(file.MP4.RecordPath))
	return declare(file, kept, err)
}

// declare returns the State of a configuration and of stored pipelines made by API. kept holds their
// declarations by name; unread is the error for which their file was not accepted, else nil. As with Read, the
// error reports a fault of the configuration.
func declare(file *configs.Config, kept map[string]*config.Node, unread error) (State, error) {
	b, err := newBase(file)
	if err != nil {
		return State{}, err
	}
	return b.over(b.judgeAll(kept), unread), nil
}

// over returns the State of the configuration of b and of own, the pipelines made by API. Those of own
// without problems run, and replace the configuration's pipelines of the same names. unread is the reason why
// the file of the pipelines made by API was not accepted, else nil.
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

// byName orders pipelines by name.
func byName(a, b recorder.Declared) int { return strings.Compare(a.Plan.Name, b.Plan.Name) }

// kept returns the declarations of the pipelines made by API, by name.
func (s *State) kept() map[string]*config.Node {
	out := make(map[string]*config.Node, len(s.own))
	for name, m := range s.own {
		out[name] = m.declaration
	}
	return out
}

// Deps holds the parts of the recorder that a Set uses and changes.
type Deps struct {
	Load     func() (*configs.Config, error) // reads the configuration again
	Hub      *hub.Hub
	Recorder *recorder.Recorder
	// Raise records an event that the schedule demands.
	Raise func(ctx context.Context, stream string, t pipeline.Trigger) error
	// Watched ends the connections of clients whose stream no pipeline serves any more.
	Watched func()
	Clock   pipeline.Clock
	Wall    *wallclock.Judge
	Log     *slog.Logger
}

// Set holds the declarations of a running recorder and applies changes of them. It implements
// api.Pipelines. It is safe for concurrent use.
type Set struct {
	load     func() (*configs.Config, error)
	started  *configs.Config // the configuration with which the process was started
	kept     string          // path of the file of the pipelines made by API
	disk     durable.FS      // file system operations on the record directory
	hub      *hub.Hub
	recorder *recorder.Recorder
	schedule *recorder.Schedule
	raise    func(context.Context, string, pipeline.Trigger) error
	watched  func() // Deps.Watched
	clock    pipeline.Clock
	log      *slog.Logger

	stops          stopsFile
	change         sync.Mutex // serialises the changes
	mu             sync.Mutex // guards the fields below
	now            State
	unloaded       config.Problems // why the last reload was refused; nil: it was not
	unloadedSince  time.Time       // time of the first refused reload since a successful one; zero: unloaded is nil
	directoryError error           // result of the last JudgeDirectory
	restart        []string        // result of NeedRestart
	restartSince   time.Time       // when restart got its first entry; zero: restart is empty
}

// New returns a Set with the state s, with which the recorder and the hub were made. It makes the schedule, and
// passes the manual stops of an earlier run to the recorder.
func New(s State, d Deps) *Set {
	dir := s.File.MP4.RecordPath
	p := &Set{
		load: d.Load, started: s.File, kept: keptFile(dir), disk: durable.Below(dir),
		hub: d.Hub, recorder: d.Recorder, raise: d.Raise, watched: d.Watched, clock: d.Clock, log: d.Log, now: s, stops: stopsFile{path: filepath.Join(dir, ".spool-stops.json")},
	}
	p.schedule = recorder.NewSchedule(d.Recorder, d.Clock, d.Wall, d.Log, p.trigger)
	p.schedule.Set(s.base.agenda)
	p.restoreStops()
	p.logRefused(nil, s)
	p.logUnmanaged(nil, s)
	return p
}

// trigger records the event that a job of the schedule demands now. The settings of each pipeline determine how
// much media before and after now the event has.
func (p *Set) trigger(j recorder.ScheduleJob) error {
	now := p.clock.Now()
	return p.raise(context.Background(), j.Stream, pipeline.Trigger{ID: media.NewID(now), Name: j.Name, At: now, Before: -1, After: -1})
}

// State returns the present State.
func (p *Set) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Schedule returns the schedule of the recorder. It stays the same object when its jobs change.
func (p *Set) Schedule() *recorder.Schedule { return p.schedule }

// List returns the sorted names of all pipelines, including those that do not run, and a function that
// describes the pipeline of names[i].
func (p *Set) List() (names []string, describe func(i int) api.Pipeline) {
	now := p.State()
	names = make([]string, 0, len(now.Pipelines)+len(now.Refused))
	for i := range now.Pipelines {
		names = append(names, now.Pipelines[i].Plan.Name)
	}
	for name := range now.Refused {
		if !now.has(name) { // names has it already if the configuration has a pipeline of this name
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

// find returns the description of the pipeline with a name in a State, or false if the State has no such pipeline.
// recording holds the streams that are being recorded, by pipeline.
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

// has reports whether a pipeline of this name runs.
func (s *State) has(name string) bool {
	_, is := s.All.Pipelines[configs.PipelineName(name)]
	return is
}

// describe returns the description of the pipeline d in the State in, made of its declaration and its present
// state. recording holds the streams that are being recorded, by pipeline.
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
	case name == string(configs.DefaultLive):
		out.Origin = "egress"
	default:
		out.Origin = "mp4"
	}
	return out
}

// describe returns the part of a pipeline's description that its declaration gives. own reports that the
// pipeline was made by API: callers with the role declare may then see its full declaration.
func describe(name string, written *configs.Pipeline, own bool) api.Pipeline {
	out := api.Pipeline{Name: name, Record: written.Record, Streams: written.Streams, Declaration: string(written.Shown(false))}
	if own {
		out.Own = string(written.Shown(true))
	}
	return out
}

// Start lets a pipeline record again that Stop has stopped: see api.Pipelines.
func (p *Set) Start(_ context.Context, name string) (int, error) {
	if now := p.State(); !now.has(name) {
		return 0, errNoPipeline(name)
	}
	return p.recorder.Resume(name, p.present()), nil
}

// Stop ends the recordings of a pipeline, and lets it record nothing until Start: see api.Pipelines.
func (p *Set) Stop(ctx context.Context, name string, drain bool) (int, error) {
	if now := p.State(); !now.has(name) {
		return 0, errNoPipeline(name)
	}
	ended, err := p.recorder.Hold(ctx, name, recorder.HoldOptions{Drain: drain})
	p.watched()
	return ended, err
}
