package configs

import (
	"path/filepath"
	"slices"

	"github.com/gospool/spool/pipeline/config"
)

// resolve decodes the merged layers, checks them, and completes the pipelines.
// With problems the configuration is only good to be looked at for more of them.
func resolve(tree *config.Node) (*Config, config.Problems) {
	c := &Config{tree: tree}
	problems := tree.Decode(c)
	if c.Database.Driver == "sqlite" && c.Database.DSN == "" {
		c.Database.DSN = filepath.Join(c.MP4.RecordPath, "spool.db")
	}
	block := c.mp4Block()
	if len(c.Pipelines) == 0 && c.MP4.Enable {
		p := Pipeline{Stages: defaultStages(block.Pos)}
		p.SetDefaults()
		c.Pipelines = map[PipelineName]Pipeline{DefaultPipeline: p}
	}
	for name, p := range c.Pipelines {
		if p.Stages == nil || !p.Stages.IsList || len(p.Stages.List) == 0 {
			delete(c.Pipelines, name) // a problem, see Pipeline.Check
			continue
		}
		p.Stages = inherit(p.Stages, block)
		c.Pipelines[name] = p
	}
	return c, problems
}

// mp4Block is the block as it was decoded, with the positions as it was written.
func (c *Config) mp4Block() *config.Node {
	written := c.tree.Get("mp4")
	block, _ := config.Describe(c.MP4)
	block.Pos = written.Pos
	for _, e := range block.Entries {
		if n := written.Get(e.Key); n != nil {
			e.Value.Place(n.Pos)
		}
	}
	return block
}

// DefaultPipeline is the name of the pipeline that the mp4 block makes.
const DefaultPipeline = "default"

// inherited are the settings of stages that the mp4 block gives, by stage: the
// stage's setting, and the block's.
var inherited = map[string][][2]string{
	"gop_ring":  {{"before", "before_duration"}, {"after", "after_duration"}},
	"segmenter": {{"max_duration", "max_duration"}, {"max_size", "max_file_size"}, {"timezone", "timezone"}},
	"exec":      {{"record_path", "record_path"}},
	"webhook":   {{"record_path", "record_path"}},
	"mp4": {
		{"record_path", "record_path"}, {"fragment", "fragment"}, {"fragment_duration", "fragment_duration"},
		{"filename_pattern", "filename_pattern"}, {"timezone", "timezone"}, {"sync", "sync"}, {"sync_interval", "sync_interval"},
	},
}

// defaultStages is the list of stages that the mp4 block stands for. It is
// written nowhere: what is wrong with it is wrong with the block.
func defaultStages(pos config.Pos) *config.Node {
	path := config.Join(config.Join("pipelines", DefaultPipeline), "stages")
	list := []any{}
	for _, name := range []string{"source", "gop_ring", "segmenter", "mp4", "metadata"} {
		list = append(list, map[string]any{name: map[string]any{}})
	}
	return config.FromAny(list, path, func(string) config.Pos { return pos })
}

// inherit is a copy of a list of stages in which what a stage leaves out is what
// the mp4 block says. It keeps the block's positions.
func inherit(stages, block *config.Node) *config.Node {
	out := *stages
	out.List = make([]*config.Node, len(stages.List))
	for i, n := range stages.List {
		out.List[i] = inheritStage(n, block)
	}
	return &out
}

// inheritStage leaves alone what is no stage: the build says what is wrong.
func inheritStage(n, block *config.Node) *config.Node {
	name, settings, ok := stageOf(n)
	if !ok {
		return n
	}
	for _, key := range inherited[name] {
		if value := block.Get(key[1]); value != nil && settings.Get(key[0]) == nil {
			v := *value
			v.Path = config.Join(settings.Path, key[0])
			settings.Entries = append(settings.Entries, config.Entry{Key: key[0], Pos: v.Pos, Value: &v})
		}
	}
	inheritBranches(settings, block)
	out := *n
	out.Scalar, out.IsMap = nil, true
	out.Entries = []config.Entry{{Key: name, Pos: out.Pos, Value: settings}}
	return &out
}

// inheritBranches does the same for the stages of a stage's branches. The settings
// are a copy already; what is below them is copied as far as it changes.
func inheritBranches(settings, block *config.Node) {
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
					branch.Entries[k].Value = inherit(f.Value, block)
				}
			}
			branches.List[j] = &branch
		}
		settings.Entries[i].Value = &branches
	}
}

// stageOf takes apart `name: {settings}`, `name:` and `name`; the settings are a
// copy.
func stageOf(n *config.Node) (name string, settings *config.Node, ok bool) {
	if bare, is := n.Scalar.(string); is {
		return bare, &config.Node{Pos: n.Pos, Path: config.Join(n.Path, bare), IsMap: true}, true
	}
	if len(n.Entries) != 1 {
		return "", nil, false
	}
	e := n.Entries[0]
	if e.Value.Empty() {
		return e.Key, &config.Node{Pos: e.Pos, Path: e.Value.Path, IsMap: true}, true
	}
	if !e.Value.IsMap {
		return "", nil, false
	}
	value := *e.Value
	value.Entries = append([]config.Entry(nil), e.Value.Entries...)
	return e.Key, &value, true
}
