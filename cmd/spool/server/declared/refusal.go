package declared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gospool/spool/configs"
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

// emptied refuses a file that is gone, or empty where it had settings: editors and copies
// empty a file before they write it, and what is recorded would end. The next configuration
// is nil where it cannot be read.
func emptied(before, next *configs.Config) error {
	if before.File == "" {
		return nil
	}
	wrong := config.Problem{Pos: config.Pos{File: before.File}}
	_, err := os.Stat(before.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) || next != nil && next.File == "":
		wrong.Msg = "the file is not there any more"
		return config.Problems{wrong.WithHint("write it again; to run with the defaults, start spool again without it")}
	case next != nil && next.Blank && !before.Blank:
		wrong.Msg = "the file is empty, and had settings before"
		return config.Problems{wrong.WithHint("write its settings again; to run with the defaults, start spool again")}
	}
	return nil
}

// remember keeps what the last reload was refused for, until one is not.
func (p *Set) remember(refused error) {
	var problems config.Problems
	errors.As(refused, &problems)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unloaded = problems
}

// Unloaded returns why the configuration's file is not the one that is run: what the last
// reload was refused for. It is empty when that was not refused.
func (p *Set) Unloaded() config.Problems {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unloaded
}
