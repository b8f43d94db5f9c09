package configs

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// Show returns the resolved configuration as YAML, with the origin of each value as a comment. Of each URL it
// shows only the host, of each command only the program, and no secret, so that each user may read it.
// Placeholders stand for the hidden parts; a comment at the head then says so, and Load refuses each
// placeholder. Without placeholders the result is a valid configuration.
func (c *Config) Show() []byte {
	n, _ := config.Describe(c)
	for _, e := range entriesOf(n.Get("pipelines")) {
		for i, of := range e.Value.Entries {
			if of.Key == "stages" {
				e.Value.Entries[i].Value = shownStages(of.Value, false)
			}
		}
	}
	if d := n.Get("declare"); d != nil {
		for i, of := range d.Entries {
			if _, named := c.Declare.lists()[of.Key]; named {
				d.Entries[i].Value = shownEntries(of.Key, of.Value)
			}
		}
	}
	if d := n.Get("database").Get("dsn"); d != nil && c.Database.Driver != "sqlite" {
		if shown := c.Database.DSN.String(); !strings.Contains(shown, "://") && !strings.ContainsAny(shown, "(=") { // not a file, although it looks like one
			*d = *config.Cut(d)
		}
	}
	text := n.YAML(config.Style{Note: c.origin})
	if anyCut(n) {
		text = append([]byte(cutHead), text...)
	}
	return text
}

const cutHead = "# Not the whole configuration: xxxxx and … stand for secrets, the arguments of commands and the\n" +
	"# rest of URLs. Write them in where this is to be used: it is refused as it is.\n"

func entriesOf(n *config.Node) []config.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

func anyCut(n *config.Node) bool {
	return config.IsCut(n) || slices.ContainsFunc(n.List, anyCut) ||
		slices.ContainsFunc(n.Entries, func(e config.Entry) bool { return anyCut(e.Value) })
}

// origin returns the place where the value of n was written, such as file:line:col, or "default" if the user did not
// write it.
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

// at returns the value at a path, such as mp4/record_path, in the merged layers. It returns nil if no layer sets the
// value.
func (c *Config) at(path string) *config.Node { return at(c.tree, path) }

// at returns the value at a path below the node n, or nil if n has no such value. n may be nil.
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

// Compile returns the compiled pipelines with their modes and stream patterns, sorted by name. If any of them
// has problems, it returns the problems of all and no pipeline. It is the last check of a configuration, and
// does no I/O. The packages of the stages must be linked into the program.
func (c *Config) Compile() ([]recorder.Declared, config.Problems) {
	var problems config.Problems
	var out []recorder.Declared
	for _, name := range slices.Sorted(maps.Keys(c.Pipelines)) {
		d, bad := c.CompilePipeline(name, c.Pipelines[name])
		problems = append(problems, bad...)
		out = append(out, d)
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return out, nil
}

// CompilePipeline compiles the pipeline p under a name, which the configuration need not contain. It returns the
// plan with the mode and the stream patterns. If it returns problems, the Declared is incomplete, and its Plan may
// be nil.
func (c *Config) CompilePipeline(name PipelineName, p Pipeline) (recorder.Declared, config.Problems) {
	plan, problems := pipeline.Compile(string(name), p.Stages)
	d := recorder.Declared{Plan: plan, Mode: pipeline.Mode(p.Record)}
	if plan != nil {
		problems = append(problems, plan.CheckMode(d.Mode)...)
	}
	for i, pattern := range p.Streams {
		g, err := streampath.ParseGlob(pattern)
		if err != nil {
			at := config.Join("pipelines", string(name)) + "/streams/" + strconv.Itoa(i)
			problems = append(problems, c.Problem(at, err.Error()))
		}
		d.Streams = append(d.Streams, g)
	}
	return d, problems
}

// Problem returns a problem with the value at a path, such as streams[live/a]/pull. The problem has the position at
// which the value was written, if the configuration has the value. Use it for problems that are found after Load.
func (c *Config) Problem(path, msg string) config.Problem {
	p := config.Problem{Path: path, Msg: msg}
	if n := c.at(path); n != nil {
		p.Pos = n.Pos
	}
	return p
}
