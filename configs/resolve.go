package configs

import (
	_ "embed"
	"path/filepath"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// resolve decodes the merged layers, checks them, and completes the pipelines. If it returns problems, the
// configuration may be used only to find further problems.
func resolve(tree *config.Node) (*Config, config.Problems) {
	c := &Config{tree: tree}
	problems := tree.Decode(c)
	if c.Database.Driver == "sqlite" && c.Database.DSN.Empty() {
		c.Database.DSN = config.NewDSN(filepath.Join(c.MP4.RecordPath, "spool.db"))
	}
	in := c.inheritance()
	if len(c.Pipelines) == 0 && c.MP4.Enable {
		p := Pipeline{Stages: defaultStages(c.at("mp4").Pos)}
		p.SetDefaults()
		c.Pipelines = map[PipelineName]Pipeline{DefaultPipeline: p}
	}
	for name, p := range c.Pipelines {
		if p.Stages == nil || !p.Stages.IsList || len(p.Stages.List) == 0 {
			delete(c.Pipelines, name) // Pipeline.Check reports this
			continue
		}
		p.Stages = in.list(p.Stages)
		c.Pipelines[name] = p
	}
	return c, append(problems, in.problems...)
}

// DefaultPipeline is the name of the pipeline that the mp4 block makes if no pipeline is declared.
const DefaultPipeline = "default"

//go:embed pipeline.yaml
var pipelineYAML []byte

// defaultStages returns the stages of the default pipeline. Their position is pos, that of the mp4 block.
func defaultStages(pos config.Pos) *config.Node {
	names, err := config.Parse("pipeline.yaml", pipelineYAML)
	if err != nil {
		panic(err) // pipeline.yaml is part of the program
	}
	list := []any{}
	for _, n := range names.List {
		name, _, _ := pipeline.StageEntry(n)
		list = append(list, map[string]any{name: map[string]any{}})
	}
	path := config.Join(config.Join("pipelines", DefaultPipeline), "stages")
	return config.FromAny(list, path, func(string) config.Pos { return pos })
}
