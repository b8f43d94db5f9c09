package configs

import (
	"maps"
	"slices"
	"strconv"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// Show returns the resolved configuration as YAML, each value with where it came
// from. Secrets are left out. What it prints is a configuration itself, but for
// the secrets.
func (c *Config) Show() []byte {
	n, _ := config.Describe(c)
	redact(n)
	return n.YAML(config.Style{Note: c.origin})
}

// origin returns where a value was written.
func (c *Config) origin(n *config.Node) string {
	pos := n.Pos
	if at := c.at(n.Path); at != nil && pos == (config.Pos{}) {
		pos = at.Pos
	}
	if pos == (config.Pos{}) {
		return "default"
	}
	return pos.String()
}

// at returns the value of a path as it was written, or nil.
func (c *Config) at(path string) *config.Node { return at(c.tree, path) }

// at returns the value of a path below a node, or nil.
func at(n *config.Node, path string) *config.Node {
	for _, key := range config.SplitPath(path) {
		if i, err := strconv.Atoi(key); err == nil && n != nil && i >= 0 && i < len(n.List) {
			n = n.List[i]
			continue
		}
		n = n.Get(key)
	}
	return n
}

func redact(n *config.Node) {
	if s, ok := n.Scalar.(string); ok {
		n.Scalar = config.Redact(s)
	}
	for _, e := range n.Entries {
		if s, ok := e.Value.Scalar.(string); ok && s != "" && secrets[e.Key] != nil {
			e.Value.Scalar = secrets[e.Key](s)
			continue
		}
		redact(e.Value)
	}
	for _, item := range n.List {
		redact(item)
	}
}

// Compile makes the plans of the pipelines, in the order of their names. It is
// the last check of a configuration, and does no I/O: the stages must be linked
// into the program.
func (c *Config) Compile() ([]recorder.Declared, config.Problems) {
	var problems config.Problems
	var out []recorder.Declared
	for _, name := range slices.Sorted(maps.Keys(c.Pipelines)) {
		p := c.Pipelines[name]
		plan, bad := pipeline.Compile(string(name), p.Stages)
		problems = append(problems, bad...)
		d := recorder.Declared{Plan: plan, Mode: pipeline.Mode(p.Record)}
		if plan != nil {
			problems = append(problems, plan.CheckMode(d.Mode)...)
		}
		for i, pattern := range p.Streams {
			g, err := pipeline.ParseGlob(pattern)
			if err != nil {
				at := config.Join("pipelines", string(name)) + "/streams/" + strconv.Itoa(i)
				problems = append(problems, c.Problem(at, err.Error()))
			}
			d.Streams = append(d.Streams, g)
		}
		out = append(out, d)
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return out, nil
}

// Problem is something wrong with the value of a path, such as
// streams[live/a]/pull, that was found after the load.
func (c *Config) Problem(path, msg string) config.Problem {
	p := config.Problem{Path: path, Msg: msg}
	if n := c.at(path); n != nil {
		p.Pos = n.Pos
	}
	return p
}
