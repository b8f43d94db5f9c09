package configs

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// addDefaultPipelines sets the mode of each declared pipeline that ends in an output, and adds the default pipelines.
func (c *Config) addDefaultPipelines() {
	for name, p := range c.Pipelines {
		p.implyMode(c.at(config.Join("pipelines", string(name))))
		c.Pipelines[name] = p
	}
	records, serves := c.records(), c.serves()
	if !records && c.MP4.Enable {
		c.addDefault(DefaultPipeline, pipeline.ModeManual, defaultStages(DefaultPipeline, pipelineYAML, c.at("mp4").Pos))
	}
	if !serves && c.Egress.Enable {
		c.addDefault(DefaultLive, pipeline.ModeWatched, c.liveStages())
	}
}

// addDefault adds a default pipeline, unless its name is taken.
func (c *Config) addDefault(name PipelineName, record pipeline.Mode, stages *config.Node) {
	p := Pipeline{Stages: stages}
	p.SetDefaults()
	p.Record = string(record)
	if c.Pipelines == nil {
		c.Pipelines = map[PipelineName]Pipeline{}
	}
	if _, taken := c.Pipelines[name]; !taken {
		c.Pipelines[name] = p
	}
}

func (c *Config) liveStages() *config.Node {
	return defaultStages(DefaultLive, liveYAML, c.at("egress").Pos)
}

// ServeAs adds or removes the default pipeline for clients that watch, so that there is one as if egress.enable were that of the
// configuration started. It does not change egress.enable.
func (c *Config) ServeAs(started *Config) {
	switch {
	case started.Egress.Enable == c.Egress.Enable:
	case !started.Egress.Enable:
		if !c.Writes(config.Join("pipelines", DefaultLive)) {
			delete(c.Pipelines, DefaultLive)
		}
	case !c.serves():
		c.addDefault(DefaultLive, pipeline.ModeWatched, c.inheritance().list(c.liveStages()))
	}
}

// implyMode sets the mode to watched if the pipeline ends in an output, and its declaration does not write a mode.
func (p *Pipeline) implyMode(declaration *config.Node) {
	if declaration.Get("record").Empty() && pipeline.EndsInOutput(p.Stages) {
		p.Record = string(pipeline.ModeWatched)
	}
}

func (p *Pipeline) watched() bool { return p.Record == string(pipeline.ModeWatched) }

// liveWarnings warns about pipelines that serve no client, because clients may not read streams, and about a pipeline because of which
// none serves them.
func (c *Config) liveWarnings(warn func(hint, msg string, path ...string)) {
	for _, name := range slices.Sorted(maps.Keys(c.Pipelines)) {
		if p := c.Pipelines[name]; p.watched() && !c.Egress.Enable {
			warn("write egress: {enable: true}, or remove the pipeline", "nobody can watch: egress.enable is false", "pipelines", string(name))
		}
	}
	if !c.serves() && c.Egress.Enable { // else there would be the default pipeline
		warn("give it another name", "nobody can watch: this pipeline records, and has the name of the one that egress.enable makes", "pipelines", DefaultLive)
	}
}

// serves reports whether a pipeline is for clients that watch.
func (c *Config) serves() bool {
	for _, p := range c.Pipelines {
		if p.watched() {
			return true
		}
	}
	return false
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
