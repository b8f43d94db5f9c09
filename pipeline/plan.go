package pipeline

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// Plan is a declared pipeline whose every stage, setting and order has been
// checked. It is immutable; each run is built from it.
type Plan struct {
	Name   string
	stages []declared
}

type declared struct {
	*stage
	cfg      any
	pos      config.Pos
	path     string       // of its place in the list
	settings *config.Node // as they were written
}

// Compile checks the list of stages of a declaration, each a map of one stage
// name to its settings. It does no I/O. All problems come at once.
func Compile(name string, stages *config.Node) (*Plan, config.Problems) {
	var problems config.Problems
	if stages == nil || !stages.IsList || len(stages.List) == 0 {
		problems.Add(stages, "write for example: stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]",
			"pipeline %s needs a list of stages", name)
		return nil, problems
	}
	p := &Plan{Name: name}
	complete, problems := p.read(stages)
	if complete {
		problems = append(problems, p.checkOrder(stages)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// read looks up every stage of a list and decodes its settings. The order of a
// list that is not complete, since it names an unknown stage, cannot be judged.
func (p *Plan) read(stages *config.Node) (complete bool, problems config.Problems) {
	complete = true
	for _, n := range stages.List {
		d, bad := compileStage(n)
		problems = append(problems, bad...)
		if d.stage == nil {
			complete = false
			continue
		}
		p.stages = append(p.stages, d)
	}
	return complete, problems
}

func compileStage(n *config.Node) (declared, config.Problems) {
	var problems config.Problems
	name, settings, ok := StageEntry(n)
	if !ok {
		problems.Add(n, "write it as: - gop_ring: {before: 10s}", "a stage is one name with its settings")
		return declared{}, problems
	}
	s := lookup(name)
	if s == nil {
		problems.Add(n, suggest(name), "there is no stage %s", config.QuoteName(name))
		return declared{}, problems
	}
	cfg, problems := s.decode(settings)
	return declared{stage: s, cfg: cfg, pos: n.Pos, path: n.Path, settings: settings}, problems
}

// StageEntry takes apart an entry of a list of stages: `name: {settings}`, `name:`
// or a bare `name`. The settings of the latter two are an empty map. Settings that
// were written are not copied; they may be of a wrong type.
func StageEntry(n *config.Node) (name string, settings *config.Node, ok bool) {
	if bare, is := n.Scalar.(string); is && !n.IsMap && !n.IsList {
		return bare, &config.Node{Pos: n.Pos, Path: config.Join(n.Path, bare), IsMap: true}, true
	}
	if !n.IsMap || len(n.Entries) != 1 {
		return "", nil, false
	}
	e := n.Entries[0]
	if e.Value.Empty() {
		return e.Key, &config.Node{Pos: e.Pos, Path: e.Value.Path, IsMap: true}, true
	}
	return e.Key, e.Value, true
}

func suggest(name string) string {
	known := []string{}
	for _, s := range Stages() {
		known = append(known, s.Name)
	}
	if near := config.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "known are " + strings.Join(known, ", ")
}

// checkOrder says where what one stage gives is not what the next one takes.
func (p *Plan) checkOrder(list *config.Node) config.Problems {
	var problems config.Problems
	last := len(p.stages) - 1
	for i, d := range p.stages {
		at := list.List[i]
		switch {
		case i == 0 && d.Kind != KindSource:
			problems.Add(at, "begin with source", "%s is a %s, but the first stage makes the elements", d.Name, d.Kind)
		case i > 0 && d.Kind == KindSource:
			problems.Add(at, "a pipeline has one source, at its beginning", "%s is a source, but not the first stage", d.Name)
			continue
		case i == last && d.Kind != KindSink:
			problems.Add(at, "end with a sink such as metadata", "%s is a %s, but the last stage ends the flow", d.Name, d.Kind)
		case i < last && d.Kind == KindSink:
			problems.Add(at, "a sink stands at the end", "%s is a sink, but stages follow it", d.Name)
		}
		if i == 0 || p.stages[i-1].Out == nil || d.In == nil {
			continue
		}
		if before := p.stages[i-1]; !before.Out.AssignableTo(d.In) {
			problems.Add(at, between(before.Out, d.In), "%s takes %v, but %s before it gives %v", d.Name, d.In, before.Name, before.Out)
		}
	}
	return problems
}

// between names the stage that is missing between two element types.
func between(out, in reflect.Type) string {
	for _, s := range Stages() {
		if s.In == out && s.Out == in {
			return "put " + s.Name + " between them"
		}
	}
	return ""
}

// Buffered reports whether the plan has a stage that holds media back.
func (p *Plan) Buffered() bool {
	return slices.ContainsFunc(p.stages, func(d declared) bool { return d.Kind == KindBuffer })
}

// String returns the plan's stages with an arrow between them.
func (p *Plan) String() string {
	names := make([]string, len(p.stages))
	for i, d := range p.stages {
		names[i] = d.Name
	}
	return strings.Join(names, " -> ")
}

// Publishers says whose media a recording takes.
type Publishers int

// The publishers of a recording.
const (
	AnyPublisher     Publishers = iota // one after another
	NextPublisher                      // the one that the stream has, or that comes next
	PresentPublisher                   // the one that the stream has; it may have left meanwhile
)

// Env is what the program gives every run.
type Env struct {
	Services *Services
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode // who starts the pipeline's recordings
	For      Publishers
	Handover *Handover // of the run before; nil: nothing is kept between runs
}

// Build makes a run of the plan for one stream: every stage's constructor is
// called, nothing is started and nothing is acquired.
func (p *Plan) Build(env Env, stream string, after *Ended) (*Run, error) {
	log := env.Log.With("pipeline", p.Name, "stream", stream)
	r := newRun(p.Name, stream, log, env.Clock)
	r.files, r.rows = p.Has(MakesFiles), p.Has(Catalogues)
	for _, d := range p.stages {
		set := NewSettings(env, p.Name, stream, d.Name)
		set.After = after
		b, err := d.build(set, d.cfg)
		if err != nil {
			return nil, &StageError{Pipeline: p.Name, Stream: stream, Stage: d.Name, Op: "build", Err: err}
		}
		r.add(d.Name, d.Kind, b)
	}
	return r, nil
}
