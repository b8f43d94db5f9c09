package declared

import (
	"errors"
	"path/filepath"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline/config"
)

// refusal is an error of a configuration as the API wants it.
func refusal(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return &api.Refused{Problems: []api.Problem{{Text: err.Error()}}}
	}
	out := &api.Refused{}
	for _, p := range problems.Sorted() {
		out.Problems = append(out.Problems, api.Problem{At: place(p.Pos), Path: config.Redact(p.Path), Text: p.Msg, Hint: p.Hint})
	}
	return out
}

// place is where a problem is, without the directories of the machine.
func place(pos config.Pos) string {
	pos.File = filepath.Base(pos.File)
	if pos.File == "." {
		pos.File = ""
	}
	return pos.String()
}

func shownProblem(p config.Problem) string {
	p.Pos.File = filepath.Base(p.Pos.File)
	return p.String()
}
