package configs

import (
	"maps"
	"reflect"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Overlay is a configuration as pipelines are declared over it, each as the file would under
// pipelines. It has at hand what every one of them is judged by, and is not changed: any
// number of them may be declared at once.
type Overlay struct {
	config      *Config
	inheritance inheritance
}

// Overlay prepares the configuration for pipelines to be declared over it.
func (c *Config) Overlay() *Overlay { return &Overlay{c, *c.inheritance()} }

// Pipeline decodes one declaration and completes it from the other settings. With problems
// it holds what could be read.
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

// Inherited reports whether a setting of a stage says what it would inherit if it were not
// written.
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

// With returns a copy of the configuration in which further pipelines are declared. One
// of a name that is there takes its place. The configuration itself is not changed.
func (c *Config) With(declared map[PipelineName]Pipeline) *Config {
	out := *c
	out.Pipelines = make(map[PipelineName]Pipeline, len(c.Pipelines)+len(declared))
	maps.Copy(out.Pipelines, c.Pipelines)
	maps.Copy(out.Pipelines, declared)
	return &out
}

// Shown returns a pipeline as YAML, resolved, as whoever may look may see it: without
// secrets, and of a URL its host and of a command its program only. With own it returns
// what the author of the pipeline may see: all but secrets.
func (p Pipeline) Shown(own bool) []byte {
	p.Stages = shownStages(p.Stages, own)
	n, _ := config.Describe(p)
	return n.YAML(config.Style{})
}

// Same reports whether two pipelines are declared alike, secrets and all.
func (p Pipeline) Same(o Pipeline) bool {
	return reflect.DeepEqual(config.Reveal(p).Any(), config.Reveal(o).Any())
}

// Writes tells whether the value of a path, such as pipelines/default, was
// written, and is not the program's own.
func (c *Config) Writes(path string) bool { return c.at(path) != nil }
