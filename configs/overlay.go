package configs

import (
	"maps"
	"reflect"

	"github.com/gospool/spool/pipeline/config"
)

// With returns a copy of the configuration in which further pipelines are declared,
// each as a file would under pipelines. One of a name that is there takes its
// place. The configuration itself is not changed.
func (c *Config) With(declared map[string]*config.Node) (*Config, config.Problems) {
	out := *c
	out.Pipelines = maps.Clone(c.Pipelines)
	if out.Pipelines == nil {
		out.Pipelines = map[PipelineName]Pipeline{}
	}
	var problems config.Problems
	for name, n := range declared {
		p, bad := c.pipeline(name, n)
		problems = append(problems, bad...)
		out.Pipelines[PipelineName(name)] = p
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return &out, nil
}

// pipeline decodes one declaration and completes it from the other settings.
func (c *Config) pipeline(name string, n *config.Node) (p Pipeline, problems config.Problems) {
	if err := PipelineName(name).Validate(); err != nil {
		problems.Add(n, "", "%v", err)
		return p, problems
	}
	p.SetDefaults()
	if problems = n.Decode(&p); len(problems) == 0 {
		in := c.inheritance()
		p.Stages = in.list(p.Stages)
		problems = in.problems
	}
	return p, problems
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
