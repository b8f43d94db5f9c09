package declared

import (
	"fmt"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// base holds a checked configuration, without the pipelines made by API. It is immutable.
type base struct {
	file      *configs.Config
	overlay   *configs.Overlay    // reads declarations with the settings that they inherit from file
	pipelines []recorder.Declared // pipelines of file, sorted by name
	agenda    recorder.Agenda     // jobs of the schedule
}

// newBase checks a configuration and returns the base with it. Its error is config.Problems.
func newBase(file *configs.Config) (*base, error) {
	pipelines, err := Compile(file)
	if err != nil {
		return nil, err
	}
	agenda, problems := file.Agenda()
	return &base{file, file.Overlay(), pipelines, agenda}, problems.Err()
}

// made is a pipeline made by API, checked with the settings of one base. The check does not depend on other
// pipelines made by API, so that its cost does not grow with their number.
type made struct {
	declaration *config.Node
	text        []byte            // the declaration as YAML, in the form of the file that stores it
	values      int               // number of values in text, for config.MaxNodes
	problems    config.Problems   // why the pipeline does not run; empty: it runs
	pipeline    configs.Pipeline  // the valid part of the declaration; the whole if there are no problems
	plan        recorder.Declared // the compiled pipeline, if there are no problems
}

// newMade returns the pipeline of this name with the declaration n. It leaves problems, pipeline and plan
// empty: judge sets them.
func newMade(name string, n *config.Node) *made {
	entry := config.Node{IsMap: true, Entries: []config.Entry{{Key: name, Value: n}}}
	return &made{declaration: n, text: entry.YAML(config.Style{}), values: values(&entry)}
}

// judge checks the declaration n of a pipeline made by API. It finds resources that the configuration
// file does not allow, values beyond declare.limits, and all problems that the pipeline would also have
// in the configuration file.
func (b *base) judge(name string, n *config.Node) *made {
	m := newMade(name, n)
	m.problems = append(b.forbidden(n.Get("stages")), b.overlay.Exceeded(n)...)
	if len(m.text) > maxDeclaration {
		m.problems.Add(n, "declare several pipelines, or write it in the configuration file", "the declaration is %d bytes long with its anchors expanded: a pipeline made by API may have %d", len(m.text), maxDeclaration)
	}
	if err := readable(m.text); err != nil {
		m.problems.Add(n, "simplify it", "the declaration cannot be stored: %v", err)
	}
	p, wrong := b.overlay.Pipeline(name, n)
	if m.pipeline = p; len(wrong) == 0 {
		m.plan, wrong = b.file.CompilePipeline(configs.PipelineName(name), p)
	}
	m.problems = append(m.problems, wrong...).Sorted()
	if further := len(m.problems) - maxReported; further > 0 {
		m.problems = append(m.problems[:maxReported:maxReported], config.Problem{Msg: fmt.Sprintf("%d further problems are not listed", further), Hint: "correct these first"})
	}
	return m
}

// maxReported bounds the number of reported problems of one declaration: a short text may have
// thousands.
const maxReported = 100

// maxDeclaration bounds the size in bytes of a declaration as it is stored. The API bounds the body of
// a request, but the stored text may be longer, because it has no anchors and aliases.
const maxDeclaration = 64 << 10

// judgeAll checks all declarations of pipelines made by API, by name.
func (b *base) judgeAll(kept map[string]*config.Node) map[string]*made {
	own := make(map[string]*made, len(kept))
	for name, n := range kept {
		own[name] = b.judge(name, n)
	}
	return own
}

// admit returns an error if one more pipeline would exceed the setting declare.limits.pipelines. It returns
// nil if own already has a pipeline of this name, because the declaration then replaces it.
func (b *base) admit(name string, own map[string]*made) error {
	most := b.file.Declare.Limits.Pipelines
	if most == 0 || len(own) < most || own[name] != nil {
		return nil
	}
	problem := config.Problem{
		Msg:  fmt.Sprintf("%d pipelines made by API are as many as declare.limits.pipelines allows", len(own)),
		Hint: "delete one that is not needed, or raise declare.limits.pipelines in the configuration file",
	}
	return config.Problems{problem}
}
