package declared

import (
	"errors"
	"path/filepath"

	"github.com/gospool/spool/pipeline/config"
)

// refusal makes of an error all that is wrong with a configuration, in order, as it may
// be shown.
func refusal(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return config.Problems{{Msg: err.Error()}}
	}
	problems = problems.Sorted()
	for i, p := range problems {
		problems[i] = shown(p)
	}
	return problems
}

// shown is a problem without the directories of the machine, and without secrets in its
// path.
func shown(p config.Problem) config.Problem {
	p.Path = config.Redact(p.Path)
	if p.Pos.File != "" {
		p.Pos.File = filepath.Base(p.Pos.File)
	}
	return p
}
