package pipeline

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// Plan is a declared pipeline whose stages, settings and order have been checked. It is immutable. Build makes
// each run from it.
type Plan struct {
	Name   string
	stages []declared
}

type declared struct {
	*stage
	cfg      any
	pos      config.Pos
	path     string       // path of the stage's entry in the configuration
	settings *config.Node // as the user wrote them
}

// Compile checks the declared list of stages of the pipeline name. Each entry is a map of one stage name to its
// settings. Compile does no I/O, and returns either a plan or all problems.
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

// read looks up each stage of a list and decodes its settings. complete is false if a stage is unknown; the
// order of the list cannot be checked then.
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

// StageEntry parses one entry of a list of stages: `name: {settings}`, `name:` or `name`. If the entry has no
// settings, settings is an empty map. ok is false for another form. StageEntry does not check the settings, and
// does not copy them.
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

// checkOrder returns a problem for each stage that cannot stand at its place in the list.
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
		case d.Kind == KindOutput && (i != 1 || !p.stages[0].has(ReadInPlace)):
			problems.Add(at, "write stages: [source, "+d.Name+"]", "%s stands right behind source: clients read the stream itself", d.Name)
		case i == last && d.Kind != KindSink && d.Kind != KindOutput:
			problems.Add(at, "end with a sink such as metadata", "%s is a %s: the last stage must be a sink", d.Name, d.Kind)
		case i < last && (d.Kind == KindSink || d.Kind == KindOutput):
			problems.Add(at, fmt.Sprintf("%s stands at the end", withArticle(d.Kind)), "%s is %s, but stages follow it", d.Name, withArticle(d.Kind))
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

func withArticle(k Kind) string {
	if k == KindOutput {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// between returns the hint to put a stage between two neighbours, of which the first emits elements of type out and
// the second takes elements of type in. It returns "" if no stage takes the one type and emits the other.
func between(out, in reflect.Type) string {
	for _, s := range Stages() {
		if s.In == out && s.Out == in {
			return "put " + s.Name + " between them"
		}
	}
	return ""
}

// Buffered reports whether the plan has a stage of KindBuffer.
func (p *Plan) Buffered() bool {
	return slices.ContainsFunc(p.stages, func(d declared) bool { return d.Kind == KindBuffer })
}

// Output returns the config of the output at the end of the plan, or nil if the plan has no output.
func (p *Plan) Output() any {
	if d := &p.stages[len(p.stages)-1]; d.Kind == KindOutput {
		return d.cfg
	}
	return nil
}

// String returns the names of the stages with arrows between them.
func (p *Plan) String() string {
	names := make([]string, len(p.stages))
	for i, d := range p.stages {
		names[i] = d.Name
	}
	return strings.Join(names, " -> ")
}

// Publishers selects the publishers of the stream whose media a run records: see the constants.
type Publishers int

// The selections of publishers.
const (
	AnyPublisher     Publishers = iota // all publishers, one after another
	NextPublisher                      // the present publisher, or the next one if the stream has no publisher
	PresentPublisher                   // the publisher present when the run was requested, even if it has left since
)

// Env holds the values that the program gives each run.
type Env struct {
	Services *Services
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode // mode of the pipeline
	For      Publishers
	Handover *Handover // objects that one run leaves for the next; nil means that no objects are kept
}

// Prepares is implemented by the config of a stage that must act as soon as a job begins, before the constructors of
// its first run: a source subscribes, so that its run also gets the media of a publisher that has left by then.
type Prepares interface {
	// Prepare leaves an object for the stage in set.Handover. It must not block, and reports no error: the
	// constructor or the stage meets the same error.
	Prepare(set Settings)
}

// Prepare calls Prepares.Prepare of the stages for a job of one stream that begins. It does not block.
func (p *Plan) Prepare(env Env, stream string) {
	for _, d := range p.stages {
		if first, ok := d.cfg.(Prepares); ok {
			first.Prepare(NewSettings(env, p.Name, stream, d.Name))
		}
	}
}

// Build returns a run of the plan for one stream. It calls the constructor of each stage, but starts no goroutine
// and acquires nothing. after describes the end of the previous run; it is nil for the first run. The error is a
// *StageError with the stage whose constructor failed.
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
