package configs

import (
	"maps"
	"reflect"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Overlay declares pipelines over a configuration, in the form of the file's block pipelines. It
// caches the data that every declaration needs, and is immutable: it is safe for concurrent use.
type Overlay struct {
	config      *Config
	inheritance inheritance
}

// Overlay prepares the configuration for the declaration of further pipelines.
func (c *Config) Overlay() *Overlay { return &Overlay{c, *c.inheritance()} }

// Pipeline decodes a declaration and completes it from the other settings. With problems, it holds
// the valid part.
func (o *Overlay) Pipeline(name string, n *config.Node) (p Pipeline, problems config.Problems) {
	p.SetDefaults()
	if err := PipelineName(name).Validate(); err != nil {
		problems.Add(n, "", "%v", err)
	}
	if problems = append(problems, n.Decode(&p)...); len(problems) == 0 {
		in := o.inheritance
		p.Stages = in.list(p.Stages)
		problems = in.problems
	}
	return p, problems
}

// Inherited reports whether a written setting of a stage equals the value that it would inherit.
func (o *Overlay) Inherited(stage *pipeline.StageInfo, value *config.Node) bool {
	for _, i := range stage.Inherits {
		if !strings.HasSuffix(value.Path, "/"+i.Key) {
			continue
		}
		inherits := at(o.inheritance.settings, i.From)
		return inherits != nil && value.Scalar != nil && inherits.Scalar == value.Scalar
	}
	return false
}

// With returns a copy of the configuration with further pipelines, which replace pipelines of the
// same name. It does not change the configuration.
func (c *Config) With(declared map[PipelineName]Pipeline) *Config {
	out := *c
	out.Pipelines = make(map[PipelineName]Pipeline, len(c.Pipelines)+len(declared))
	maps.Copy(out.Pipelines, c.Pipelines)
	maps.Copy(out.Pipelines, declared)
	return &out
}

// Shown returns a resolved pipeline as YAML for a caller of the API: without secrets, and only with
// the host of a URL and the program of a command. With own it returns the full declaration without
// secrets, for its author.
func (p Pipeline) Shown(own bool) []byte {
	p.Stages = shownStages(p.Stages, own)
	n, _ := config.Describe(p)
	return n.YAML(config.Style{})
}

// Same reports whether two pipelines have equal declarations, including secrets.
func (p Pipeline) Same(o Pipeline) bool {
	return reflect.DeepEqual(config.Reveal(p).Any(), config.Reveal(o).Any())
}

// Writes reports whether a layer of the user sets the value of a path, such as pipelines/default.
func (c *Config) Writes(path string) bool { return c.at(path) != nil }
