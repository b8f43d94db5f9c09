package configs

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// inheritance completes the settings in lists of stages: each setting with the tag inherit that the declaration
// omits gets the value of the setting of the configuration that the tag names, such as mp4.sync.
type inheritance struct {
	config   *Config
	settings *config.Node                  // settings of the configuration, without pipelines and streams
	stages   map[string]pipeline.StageInfo // registered stages, by name
	// before holds the record directories of the earlier stages, while list completes the later ones. The key
	// is the setting of the configuration that the directory replaces, such as mp4/record_path.
	before   map[string]*config.Node
	problems config.Problems // problems with names of entries in the block declare
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

// list returns a copy of a list of stages with their settings completed. It adds a problem to in.problems for each
// stage that names a missing entry of the block declare. The record directory of a stage applies to the later stages
// of the list and of its branches, but not to the stages of other branches.
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

// stage returns a copy of n, an item of a list of stages, with the settings of the stage and of the lists in them
// completed. It returns an invalid item unchanged: Compile reports the problem.
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

// inherit adds to settings the settings that the stage inherits and that its declaration omits. A key with a null
// value counts as omitted.
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

// remember stores the record directory of a stage that makes files. A later stage that handles these files, such as
// the metadata sink, and inherits the same setting of the configuration, gets this directory instead. A later stage
// that makes files itself does not.
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

// value returns the value of a setting of the configuration, with its position. path is the path of the stage's
// setting that inherits it. It returns nil if the setting has no value.
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
