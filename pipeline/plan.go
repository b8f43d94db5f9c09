package pipeline

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// Plan is a declared pipeline whose stages, settings and order are checked. It is immutable; each
// run is built from it.
type Plan struct {
	Name   string
	stages []declared
}

type declared struct {
	*stage
	cfg      any
	pos      config.Pos
	path     string       // path of the entry in the list
	settings *config.Node // as written
}

// Compile checks a declared list of stages, each a map of one stage name to its settings. It does
// no I/O, and returns all problems at once.
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

// read looks up every stage of a list and decodes its settings. complete is false for a list with
// an unknown stage, whose order cannot be checked.
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

// StageEntry parses an entry of a list of stages: `name: {settings}`, `name:` or a bare `name`. The
// settings of the latter two are an empty map. It does not copy written settings, which may have a
// wrong type.
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
		return config.DidYouMean(near)
	}
	return "known are " + strings.Join(known, ", ")
}

// checkOrder returns a problem for each stage that cannot follow its predecessor.
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

// between suggests the stage that is missing between two element types.
func between(out, in reflect.Type) string {
	for _, s := range Stages() {
		if s.In == out && s.Out == in {
			return "put " + s.Name + " between them"
		}
	}
	return ""
}

// Buffered reports whether the plan has a buffer.
func (p *Plan) Buffered() bool {
	return slices.ContainsFunc(p.stages, func(d declared) bool { return d.Kind == KindBuffer })
}

// String returns the names of the stages with arrows between them.
func (p *Plan) String() string {
	names := make([]string, len(p.stages))
	for i, d := range p.stages {
		names[i] = d.Name
	}
	return strings.Join(names, " -> ")
}

// Publishers decides whose media a recording takes.
type Publishers int

// The publishers of a recording.
const (
	AnyPublisher     Publishers = iota // any, one after another
	NextPublisher                      // the present publisher, else the next one
	PresentPublisher                   // the present publisher; it may have left meanwhile
)

// Env is the environment that the program gives every run.
type Env struct {
	Services *Services
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode // mode of the pipeline
	For      Publishers
	Handover *Handover // of the previous run; nil: nothing is kept between runs
}

// Build returns a run of the plan for one stream. It calls the constructor of every stage; it
// starts and acquires nothing. after describes the end of the previous run; nil for the first.
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
