package declared

import (
	"fmt"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// base is a configuration file, checked once for all pipelines that are declared over it. It
// is not changed.
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

// made is a pipeline that was made by request, judged over one base. It depends on no other
// pipeline, so that one that is declared costs the same however many there are.
type made struct {
	declaration *config.Node
	text        []byte           // of the declaration, as the file that keeps it has it
	values      int              // in the text
	problems    config.Problems  // why it is not run
	pipeline    configs.Pipeline // what could be read of it; complete where it is run
	plan        recorder.Declared
}

// newMade returns a pipeline as it is kept, which is not judged yet.
func newMade(name string, n *config.Node) *made {
	entry := config.Node{IsMap: true, Entries: []config.Entry{{Key: name, Value: n}}}
	return &made{declaration: n, text: entry.YAML(config.Style{}), values: values(&entry)}
}

// judge finds all that is wrong with a pipeline that was made by request: what it reaches
// outside the recorder and the file does not allow, what it takes beyond the limits, and
// what would be wrong with it in the file.
func (b *base) judge(name string, n *config.Node) *made {
	m := newMade(name, n)
	m.problems = append(b.forbidden(n.Get("stages")), b.overlay.Exceeded(n)...)
	if len(m.text) > maxDeclaration {
		m.problems.Add(n, "declare several pipelines, or write it in the configuration file", "the declaration is %d bytes long with all that its anchors stand for: at most %d are kept of a pipeline made by request", len(m.text), maxDeclaration)
	}
	if err := readable(m.text); err != nil {
		m.problems.Add(n, "write it simpler", "the declaration cannot be kept: %v", err)
	}
	p, wrong := b.overlay.Pipeline(name, n)
	if m.pipeline = p; len(wrong) == 0 {
		m.plan, wrong = b.file.CompilePipeline(configs.PipelineName(name), p)
	}
	m.problems = append(m.problems, wrong...).Sorted()
	if further := len(m.problems) - maxTold; further > 0 {
		m.problems = append(m.problems[:maxTold:maxTold], config.Problem{Msg: fmt.Sprintf("%d further problems are not told", further), Hint: "mend these first"})
	}
	return m
}

// maxTold bounds the problems of a declaration: a short text may have thousands.
const maxTold = 100

// maxDeclaration is the length of a declaration as it is kept. That of a request is bounded
// by the API; but its anchors may stand for more.
const maxDeclaration = 64 << 10

// judgeAll judges what is kept.
func (b *base) judgeAll(kept map[string]*config.Node) map[string]*made {
	own := make(map[string]*made, len(kept))
	for name, n := range kept {
		own[name] = b.judge(name, n)
	}
	return own
}

// admit refuses one more pipeline than there may be.
func (b *base) admit(name string, own map[string]*made) error {
	most := b.file.Declare.Limits.Pipelines
	if most == 0 || len(own) < most || own[name] != nil {
		return nil
	}
	problem := config.Problem{
		Msg:  fmt.Sprintf("%d pipelines made by request are as many as declare.limits.pipelines allows", len(own)),
		Hint: "delete one that is not needed, or raise declare.limits.pipelines in the configuration file",
	}
	return config.Problems{problem}
}
