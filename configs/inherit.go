package configs

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// inheritance completes lists of stages: what a stage does not say, and declares to
// inherit, is what the setting elsewhere in the configuration says.
type inheritance struct {
	config   *Config
	settings *config.Node                  // of the configuration, without what inherits
	by       map[string][]config.Inherited // of each stage, by its name
}

func (c *Config) inheritance() inheritance {
	own := *c
	own.Pipelines, own.Streams = nil, nil
	settings, _ := config.Describe(own)
	in := inheritance{config: c, settings: settings, by: map[string][]config.Inherited{}}
	for _, s := range pipeline.Stages() {
		in.by[s.Name] = s.Inherits
	}
	return in
}

// list returns a copy of a list of stages that is complete.
func (in inheritance) list(stages *config.Node) *config.Node {
	out := *stages
	out.List = make([]*config.Node, len(stages.List))
	for i, n := range stages.List {
		out.List[i] = in.stage(n)
	}
	return &out
}

// stage leaves alone what is no stage: the build says what is wrong.
func (in inheritance) stage(n *config.Node) *config.Node {
	name, settings, ok := pipeline.StageEntry(n)
	if !ok || !settings.IsMap {
		return n
	}
	complete := *settings
	complete.Entries = slices.Clone(settings.Entries)
	for _, i := range in.by[name] {
		if complete.Get(i.Key) != nil {
			continue
		}
		if v := in.value(i.From, config.Join(complete.Path, i.Key)); v != nil {
			complete.Entries = append(complete.Entries, config.Entry{Key: i.Key, Pos: v.Pos, Value: v})
		}
	}
	in.branches(&complete)
	out := *n
	out.Scalar, out.IsMap = nil, true
	out.Entries = []config.Entry{{Key: name, Pos: out.Pos, Value: &complete}}
	return &out
}

// value returns a setting of the configuration as that of a stage, with the position of
// where it was written.
func (in inheritance) value(from, path string) *config.Node {
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

// branches completes the stages of a stage's branches, too. The settings are a copy
// already; what is below them is copied as far as it changes.
func (in inheritance) branches(settings *config.Node) {
	for i, e := range settings.Entries {
		if e.Key != "branches" || !e.Value.IsList {
			continue
		}
		branches := *e.Value
		branches.List = slices.Clone(branches.List)
		for j, b := range branches.List {
			branch := *b
			branch.Entries = slices.Clone(b.Entries)
			for k, f := range branch.Entries {
				if f.Key == "stages" && f.Value.IsList {
					branch.Entries[k].Value = in.list(f.Value)
				}
			}
			branches.List[j] = &branch
		}
		settings.Entries[i].Value = &branches
	}
}
