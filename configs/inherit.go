package configs

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// inheritance completes lists of stages: a setting that the stage inherits and the declaration
// omits takes the value of the named setting of the configuration.
type inheritance struct {
	config   *Config
	settings *config.Node                  // of the configuration, without pipelines and streams
	stages   map[string]pipeline.StageInfo // by name
	before   map[string]*config.Node       // record directories of the stages before, by the setting that they inherit
	problems config.Problems               // names of entries that do not exist
}

func (c *Config) inheritance() *inheritance {
	own := *c
	own.Pipelines, own.Streams = nil, nil
	settings := config.Reveal(own)
	in := &inheritance{config: c, settings: settings, stages: map[string]pipeline.StageInfo{}}
	for _, s := range pipeline.Stages() {
		in.stages[s.Name] = s
	}
	return in
}

// list returns a completed copy of a list of stages. problems collects the failures. A stage's
// record directory applies to the stages behind it, and not to other branches.
func (in *inheritance) list(stages *config.Node) *config.Node {
	before := in.before
	defer func() { in.before = before }()
	out := *stages
	out.List = make([]*config.Node, len(stages.List))
	for i, n := range stages.List {
		out.List[i] = in.stage(n)
	}
	return &out
}

// stage leaves an invalid entry as it is: the build reports it.
func (in *inheritance) stage(n *config.Node) *config.Node {
	name, settings, ok := pipeline.StageEntry(n)
	if !ok || !settings.IsMap {
		return n
	}
	stage := in.stages[name]
	complete := *settings
	complete.Entries = slices.Clone(settings.Entries)
	in.take(&stage, &complete)
	in.inherit(&stage, &complete)
	in.remember(&stage, &complete)
	value := &complete
	for _, path := range stage.Paths(pipeline.ListOfStages) {
		value = value.Edit(path, in.list)
	}
	out := *n
	out.Scalar, out.IsMap = nil, true
	out.Entries = []config.Entry{{Key: name, Pos: out.Pos, Value: value}}
	return &out
}

// inherit adds the inherited settings that the declaration omits. A key without a value counts as
// omitted.
func (in *inheritance) inherit(stage *pipeline.StageInfo, settings *config.Node) {
	for _, i := range stage.Inherits {
		if !settings.Get(i.Key).Empty() {
			continue
		}
		path := config.Join(settings.Path, i.Key)
		if dir := in.before[i.From]; dir != nil && !slices.Contains(stage.Paths(pipeline.RecordDirectory), i.Key) {
			settings.Set(i.Key, dir.At(path))
		} else if v := in.value(i.From, path); v != nil {
			settings.Set(i.Key, v)
		}
	}
}

// remember records the record directory of a stage: a stage behind it that inherits the same
// setting gets the directory of the recordings that it receives.
func (in *inheritance) remember(stage *pipeline.StageInfo, settings *config.Node) {
	for _, i := range stage.Inherits {
		if dir := settings.Get(i.Key); !dir.Empty() && slices.Contains(stage.Paths(pipeline.RecordDirectory), i.Key) {
			in.before = maps.Clone(in.before)
			if in.before == nil {
				in.before = map[string]*config.Node{}
			}
			in.before[i.From] = dir
		}
	}
}

// value returns a setting of the configuration as a setting of a stage, with its position.
func (in *inheritance) value(from, path string) *config.Node {
	value := at(in.settings, from)
	if value == nil {
		return nil
	}
	v := *value
	v.Path = path
	if written := in.config.at(from); written != nil {
		v.Place(written.Pos)
	}
	return &v
}
