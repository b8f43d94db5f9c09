package configs

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// addDefaultPipelines sets the mode of each declared pipeline that ends in an output, and adds the default pipelines.
func (c *Config) addDefaultPipelines() {
	records, watched := 0, 0
	for name, p := range c.Pipelines {
		p.implyMode(c.at(config.Join("pipelines", string(name))))
		c.Pipelines[name] = p
		if p.watched() {
			watched++
		} else {
			records++
		}
	}
	add := func(name PipelineName, record string, stages *config.Node) {
		p := Pipeline{Stages: stages}
		p.SetDefaults()
		p.Record = record
		if c.Pipelines == nil {
			c.Pipelines = map[PipelineName]Pipeline{}
		}
		if _, taken := c.Pipelines[name]; !taken {
			c.Pipelines[name] = p
		}
	}
	if records == 0 && c.MP4.Enable {
		add(DefaultPipeline, string(pipeline.ModeManual), defaultStages(DefaultPipeline, pipelineYAML, c.at("mp4").Pos))
	}
	if watched == 0 && c.Egress.Enable {
		add(DefaultLive, string(pipeline.ModeWatched), defaultStages(DefaultLive, liveYAML, c.at("egress").Pos))
	}
}

// implyMode sets the mode to watched if the pipeline ends in an output, and its declaration does not write a mode.
func (p *Pipeline) implyMode(declaration *config.Node) {
	if declaration.Get("record").Empty() && pipeline.EndsInOutput(p.Stages) {
		p.Record = string(pipeline.ModeWatched)
	}
}

func (p *Pipeline) watched() bool { return p.Record == string(pipeline.ModeWatched) }

// liveWarnings warns about pipelines that serve no client, because clients may not read streams.
func (c *Config) liveWarnings(warn func(hint, msg string, path ...string)) {
	for _, name := range slices.Sorted(maps.Keys(c.Pipelines)) {
		if p := c.Pipelines[name]; p.watched() && !c.Egress.Enable {
			warn("write egress: {enable: true}, or remove the pipeline", "nobody can watch: egress.enable is false", "pipelines", string(name))
		}
	}
}

// records reports whether a pipeline records.
func (c *Config) records() bool {
	for _, p := range c.Pipelines {
		if !p.watched() {
			return true
		}
	}
	return false
}

// served reports whether clients may watch a stream.
func (c *Config) served(stream string) bool {
	for _, p := range c.Pipelines {
		if p.watched() && p.covers(stream) {
			return true
		}
	}
	return false
}
