package configs

import (
	"maps"
	"reflect"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Overlay reads declarations of further pipelines, in the form of the configuration file's block pipelines. It
// determines the settings that declarations inherit only once, when it is made. It is immutable, and so safe
// for concurrent use.
type Overlay struct {
	config      *Config
	inheritance inheritance
}

// Overlay returns an Overlay for pipelines that are declared in addition to those of c.
func (c *Config) Overlay() *Overlay { return &Overlay{c, *c.inheritance()} }

// Pipeline decodes the declaration n of the pipeline name, and adds inherited settings. If there are problems,
// the result holds only the valid part of the declaration.
func (o *Overlay) Pipeline(name string, n *config.Node) (p Pipeline, problems config.Problems) {
	p.SetDefaults()
	if err := PipelineName(name).Validate(); err != nil {
		problems.Add(n, "", "%v", err)
	}
	problems = append(problems, n.Decode(&p)...)
	p.implyMode(n)
	if len(problems) == 0 {
		in := o.inheritance
		p.Stages = in.list(p.Stages)
		problems = in.problems
	}
	return p, problems
}

// Inherited reports whether value, a written setting of a stage, equals the value that the stage would inherit if
// the setting were not written. It returns false for a setting that is not inherited.
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

// With returns a copy of the configuration with the given pipelines added. They replace pipelines of the same
// name. It does not change c.
func (c *Config) With(declared map[PipelineName]Pipeline) *Config {
	out := *c
	out.Pipelines = make(map[PipelineName]Pipeline, len(c.Pipelines)+len(declared))
	maps.Copy(out.Pipelines, c.Pipelines)
	maps.Copy(out.Pipelines, declared)
	return &out
}

// Shown returns the pipeline as YAML for a client of the API. It contains no secrets, only the host of each URL
// and only the program of each command. With own set, for the author of the declaration, it contains all but
// the secrets.
func (p Pipeline) Shown(own bool) []byte {
	p.Stages = shownStages(p.Stages, own)
	n, _ := config.Describe(p)
	return n.YAML(config.Style{})
}

// Same reports whether two pipelines have the same declaration, secrets included.
func (p Pipeline) Same(o Pipeline) bool {
	return reflect.DeepEqual(config.Reveal(p).Any(), config.Reveal(o).Any())
}

// Writes reports whether one of the layers (defaults, file, environment, flags) sets the value at a path, such as
// pipelines/default. It returns false for the default pipeline that the program makes from the mp4 block, because no
// layer contains that pipeline.
func (c *Config) Writes(path string) bool { return c.at(path) != nil }
