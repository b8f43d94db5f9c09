package declared

import (
	"fmt"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// base is an immutable configuration file, checked once for all pipelines declared over it.
type base struct {
	file      *configs.Config
	overlay   *configs.Overlay
	pipelines []recorder.Declared // of the file, by name
	agenda    recorder.Agenda
}

func newBase(file *configs.Config) (*base, error) {
	pipelines, err := Compile(file)
	if err != nil {
		return nil, err
	}
	agenda, problems := file.Agenda()
	return &base{file, file.Overlay(), pipelines, agenda}, problems.Err()
}

// made is a pipeline made by API, checked against one base. It depends on no other pipeline, so
// that the cost of one declaration does not grow with their number.
type made struct {
	declaration *config.Node
	text        []byte           // the declaration in the form of the file that stores it
	values      int              // number of values in text, for config.MaxNodes
	problems    config.Problems  // why the pipeline does not run
	pipeline    configs.Pipeline // the readable part of the pipeline; complete if it runs
	plan        recorder.Declared
}

// newMade returns a stored pipeline that is not checked yet.
func newMade(name string, n *config.Node) *made {
	entry := config.Node{IsMap: true, Entries: []config.Entry{{Key: name, Value: n}}}
	return &made{declaration: n, text: entry.YAML(config.Style{}), values: values(&entry)}
}

// judge finds all problems of a pipeline made by API: resources that the file does not allow,
// limits exceeded, and faults that it would have in the file, too.
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

// maxReported bounds the reported problems of a declaration: a short text may have thousands.
const maxReported = 100

// maxDeclaration bounds the length in bytes of a stored declaration. The API bounds that of a
// request, but anchors may expand it.
const maxDeclaration = 64 << 10

// judgeAll checks the stored declarations.
func (b *base) judgeAll(kept map[string]*config.Node) map[string]*made {
	own := make(map[string]*made, len(kept))
	for name, n := range kept {
		own[name] = b.judge(name, n)
	}
	return own
}

// admit returns an error if one more pipeline would exceed the limit.
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
