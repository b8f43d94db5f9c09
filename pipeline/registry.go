package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"sync"

	"github.com/gospool/spool/pipeline/config"
)

// Kind is the role of a stage in a pipeline.
type Kind uint8

// The roles of stages. A source emits elements, a transform takes and emits them, a buffer queues them, and a sink
// takes them. An output serves clients that watch: see RegisterOutput.
const (
	KindSource Kind = iota + 1
	KindTransform
	KindBuffer
	KindSink
	KindOutput
)

// String returns the role's name for users.
func (k Kind) String() string {
	return [...]string{"", "source", "transform", "buffer", "sink", "output"}[k]
}

// StageInfo describes a registered stage.
type StageInfo struct {
	Name     string
	Kind     Kind
	In, Out  reflect.Type // element types; nil for the missing side of a source or sink, and for an output
	Doc      string
	Defaults any                // the stage's config struct with the default settings
	Inherits []config.Inherited // settings whose default is a setting elsewhere in the configuration

	traits []Trait
	means  []config.Mark
	reach  []config.Mark
	named  []config.Mark
	takes  []config.Mark
	check  func(*config.Node) config.Problems
	// complete returns the settings with the default of each setting that is not written.
	complete func(*config.Node) *config.Node
}

// Check returns the problems of settings, the settings of the stage in a declaration, such as unknown keys and
// values out of range.
func (s *StageInfo) Check(settings *config.Node) config.Problems { return s.check(settings) }

func (s *StageInfo) has(t Trait) bool { return slices.Contains(s.traits, t) }

// ElementName returns the name of an element type for users: "" for nil, and "any" for a stage that takes
// elements of each type.
func ElementName(t reflect.Type) string {
	switch {
	case t == nil:
		return ""
	case t == reflect.TypeFor[any]():
		return "any"
	}
	return t.String()
}

// stage is a registered stage. Its config and elements are of type any.
type stage struct {
	StageInfo
	// decode returns the stage's config for the settings of a declaration.
	decode func(*config.Node) (any, config.Problems)
	// build calls the stage's constructor with a config that decode returned.
	build func(Settings, any) (built, error)
}

// built is one stage of one run. Only the functions that belong to the stage's Kind are set, each with its elements
// as type any.
type built struct {
	object any // the stage, for Opener, Closer and the other optional interfaces

	source    func(context.Context, emitAny) error
	transform func(emitAny) (process func(context.Context, any) error, flush func(context.Context) error)
	put       func(any)
	end       func(string)
	take      func(context.Context) (any, error)
	consume   func(context.Context, any) error
	flush     func(context.Context) error
}

type emitAny func(any) error

var registry = struct {
	sync.RWMutex // guards the map stages
	stages       map[string]*stage
}{stages: map[string]*stage{}}

// RegisterSource registers a source under the name that declarations use. The file of the stage calls it in init. It
// panics on a name that is registered already. C is the struct of the stage's settings; defaults holds the values of
// settings that a declaration does not write. doc describes the stage in one sentence. create is the constructor
// that Plan.Build calls. traits are the stage's traits.
func RegisterSource[C, Out any](name string, defaults C, doc string, create func(Settings, C) (Source[Out], error), traits ...Trait) {
	register(name, KindSource, nil, reflect.TypeFor[Out](), defaults, doc, traits, func(set Settings, cfg any) (built, error) {
		s, err := create(set, cfg.(C))
		if err != nil {
			return built{}, err
		}
		return built{object: s, source: func(ctx context.Context, emit emitAny) error {
			return s.Run(ctx, func(v Out) error { return emit(v) })
		}}, nil
	})
}

// RegisterTransform registers a transform. RegisterSource describes the parameters.
func RegisterTransform[C, In, Out any](name string, defaults C, doc string, create func(Settings, C) (Transform[In, Out], error), traits ...Trait) {
	register(name, KindTransform, reflect.TypeFor[In](), reflect.TypeFor[Out](), defaults, doc, traits, func(set Settings, cfg any) (built, error) {
		s, err := create(set, cfg.(C))
		if err != nil {
			return built{}, err
		}
		return built{object: s, transform: func(emit emitAny) (func(context.Context, any) error, func(context.Context) error) {
			typed := Emit[Out](func(v Out) error { return emit(v) })
			return func(ctx context.Context, in any) error { return s.Process(ctx, in.(In), typed) },
				func(ctx context.Context) error { return s.Flush(ctx, typed) }
		}}, nil
	})
}

// RegisterBuffer registers a buffer. RegisterSource describes the parameters.
func RegisterBuffer[C, T any](name string, defaults C, doc string, create func(Settings, C) (Buffer[T], error), traits ...Trait) {
	register(name, KindBuffer, reflect.TypeFor[T](), reflect.TypeFor[T](), defaults, doc, traits, func(set Settings, cfg any) (built, error) {
		s, err := create(set, cfg.(C))
		if err != nil {
			return built{}, err
		}
		return built{
			object: s,
			put:    func(v any) { s.Put(v.(T)) },
			end:    s.End,
			take:   func(ctx context.Context) (any, error) { return s.Take(ctx) },
		}, nil
	})
}

// RegisterSink registers a sink. RegisterSource describes the parameters.
func RegisterSink[C, In any](name string, defaults C, doc string, create func(Settings, C) (Sink[In], error), traits ...Trait) {
	register(name, KindSink, reflect.TypeFor[In](), nil, defaults, doc, traits, func(set Settings, cfg any) (built, error) {
		s, err := create(set, cfg.(C))
		if err != nil {
			return built{}, err
		}
		return built{
			object:  s,
			consume: func(ctx context.Context, in any) error { return s.Consume(ctx, in.(In)) },
			flush:   s.Flush,
		}, nil
	})
}

// RegisterOutput registers an output: the settings of clients that watch a stream. An output takes no elements, because
// its clients read the access units of the source in place, before they are chunks. So it follows a source with the
// trait ReadInPlace directly, in a pipeline of ModeWatched, of which Build makes no run: Plan.Output returns the
// settings to the program's own server of clients. RegisterSource describes the parameters.
func RegisterOutput[C any](name string, defaults C, doc string) {
	register(name, KindOutput, nil, nil, defaults, doc, nil, func(Settings, any) (built, error) { return built{}, errNoRun })
}

var errNoRun = errors.New("an output has no run: its clients read the stream themselves")

func register[C any](name string, kind Kind, in, out reflect.Type, defaults C, doc string, traits []Trait, build func(Settings, any) (built, error)) {
	if reflect.TypeFor[C]().Kind() != reflect.Struct {
		panic(fmt.Sprintf("pipeline: the config of stage %q is not a struct", name))
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.stages[name] != nil {
		panic(fmt.Sprintf("pipeline: stage %q is registered twice", name))
	}
	registry.stages[name] = &stage{
		StageInfo: StageInfo{
			Name: name, Kind: kind, In: in, Out: out, Doc: doc, Defaults: defaults, Inherits: config.Inherits(defaults),
			traits: traits, means: meanings(name, defaults), reach: reaches(name, defaults), named: config.Marks(defaults, "declared"), takes: takes(name, defaults),
			check: func(n *config.Node) config.Problems {
				cfg := defaults
				return n.Decode(&cfg)
			},
			complete: func(n *config.Node) *config.Node {
				cfg := defaults
				n.Decode(&cfg)
				complete, _ := config.Describe(cfg)
				return complete
			},
		},
		decode: func(n *config.Node) (any, config.Problems) {
			cfg := defaults
			problems := n.Decode(&cfg)
			return cfg, problems
		},
		build: build,
	}
}

func lookup(name string) *stage {
	registry.RLock()
	defer registry.RUnlock()
	return registry.stages[name]
}

// Stages returns the registered stages, sorted by role and then by name.
func Stages() []StageInfo {
	registry.RLock()
	defer registry.RUnlock()
	out := make([]StageInfo, 0, len(registry.stages))
	for _, s := range registry.stages {
		out = append(out, s.StageInfo)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Kind != out[j].Kind {
			return out[i].Kind < out[j].Kind
		}
		return out[i].Name < out[j].Name
	})
	return out
}
