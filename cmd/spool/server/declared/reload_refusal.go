package declared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// refusal converts an error to config.Problems, sorted, with texts that a client may see.
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

// shown returns a problem as a client may see it: without the directory of its file, and without
// secrets in the path of the setting.
func shown(p config.Problem) config.Problem {
	p.Path = config.Redact(p.Path)
	if p.Pos.File != "" {
		p.Pos.File = filepath.Base(p.Pos.File)
	}
	return p
}

// emptied returns config.Problems if the configuration file no longer exists, or is empty and had
// settings before. A program may be about to write the file, after it has removed or truncated it, and
// a reload at this moment would end recordings. next is nil if the file could not be read.
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

// remember stores the problems of a refused reload, which Unloaded returns. After a successful reload refused
// is nil, and Unloaded returns nil.
func (p *Set) remember(refused error) {
	var problems config.Problems
	errors.As(refused, &problems)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unloaded = problems
	p.unloadedSince = began(p.unloadedSince, len(problems) > 0, p.clock.Now())
}

// began returns the time at which a state began, or the zero time if the state does not last. since is the
// result of the previous call: if it is zero, the state begins now.
func began(since time.Time, lasts bool, now time.Time) time.Time {
	switch {
	case !lasts:
		return time.Time{}
	case since.IsZero():
		return now
	}
	return since
}

// Unloaded returns the problems for which the last reload was refused, and the time of the first refused reload
// after the last successful one. Until a reload succeeds, the running configuration is older than the file.
// Unloaded returns nil and the zero time if the last reload succeeded.
func (p *Set) Unloaded() (config.Problems, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unloaded, p.unloadedSince
}

func (p *Set) isRefused() bool {
	problems, _ := p.Unloaded()
	return len(problems) > 0
}
