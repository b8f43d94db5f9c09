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
	c.addDefaultPipelines()
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

// The names of the pipelines that the blocks mp4 and egress make if no pipeline that records, or none that is watched, is
// declared.
const (
	DefaultPipeline = "default"
	DefaultLive     = "default-live"
)

var (
	//go:embed pipeline.yaml
	pipelineYAML []byte
	//go:embed live.yaml
	liveYAML []byte
)

// defaultStages returns the stages of a default pipeline, whose names are in text. Their position is pos, that of the block that
// makes the pipeline.
func defaultStages(of PipelineName, text []byte, pos config.Pos) *config.Node {
	names, err := config.Parse("pipeline.yaml", text)
	if err != nil {
		panic(err) // the file is part of the program
	}
	list := []any{}
	for _, n := range names.List {
		name, _, _ := pipeline.StageEntry(n)
		list = append(list, map[string]any{name: map[string]any{}})
	}
	path := config.Join(config.Join("pipelines", string(of)), "stages")
	return config.FromAny(list, path, func(string) config.Pos { return pos })
}
