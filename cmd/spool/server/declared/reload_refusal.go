package declared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// refusal converts an error to the sorted problems that may be shown to a client.
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

// shown returns a problem without the directories of the machine and without secrets in its
// path.
func shown(p config.Problem) config.Problem {
	p.Path = config.Redact(p.Path)
	if p.Pos.File != "" {
		p.Pos.File = filepath.Base(p.Pos.File)
	}
	return p
}

// emptied returns a problem if the configuration file is gone, or empty after it had settings.
// Editors and copies truncate a file before they write it, and a reload then would end
// recordings. next is nil if the configuration cannot be read.
func emptied(before, next *configs.Config) error {
	if before.File == "" {
		return nil
	}
	wrong := config.Problem{Pos: config.Pos{File: before.File}}
	_, err := os.Stat(before.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) || next != nil && next.File == "":
		wrong.Msg = "the file no longer exists"
		return config.Problems{wrong.WithHint("write the file again; to run with the defaults, restart spool without it")}
	case next != nil && next.Blank && !before.Blank:
		wrong.Msg = "the file is empty, but had settings before"
		return config.Problems{wrong.WithHint("write its settings again; to run with the defaults, restart spool")}
	}
	return nil
}

// remember stores the problems of the last reload; none if it succeeded.
func (p *Set) remember(refused error) {
	var problems config.Problems
	errors.As(refused, &problems)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unloaded = problems
}

// Unloaded returns why the last reload was refused, so that the running configuration differs
// from the file. It is empty if the reload succeeded.
func (p *Set) Unloaded() config.Problems {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unloaded
}
