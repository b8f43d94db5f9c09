package declared

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/filesystem"
)

// Forgets says why a start obeys nothing of what spool keeps in the record directory, and what
// to do: another user can put it back there. nil where it does, and where that cannot be told,
// as of a directory that is not there yet.
func Forgets(file *configs.Config) error {
	err := filesystem.NothingPutBack(file.MP4.RecordPath)
	if errors.Is(err, filesystem.ErrNotOurs) {
		return err
	}
	return nil
}

// WhatIsForgotten names what Forgets is about, for people.
const WhatIsForgotten = "a restart forgets pipelines made by request, stops by hand, notices and commands that wait, and which streams were seen"

// JudgeDirectory finds out again what Forgets says, for all who ask, and logs it when it is
// new.
func (p *Set) JudgeDirectory() error {
	err := Forgets(p.started)
	p.mu.Lock()
	known := p.forgets != nil
	p.forgets = err
	p.mu.Unlock()
	if err != nil && !known {
		p.log.Warn(WhatIsForgotten+": do what the error says, or declare pipelines in the configuration file", "error", err)
	}
	return err
}

// Forgets is what JudgeDirectory found last. It asks no disk.
func (p *Set) Forgets() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.forgets
}

// told is an error about the record directory without the way there.
func told(file *configs.Config, err error) string {
	above := filepath.Dir(filepath.Clean(file.MP4.RecordPath))
	if above == "." || above == "/" {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), above+"/", "")
}

// willKeep refuses what a restart would forget.
func (p *Set) willKeep() error {
	if err := p.JudgeDirectory(); err != nil {
		return api.Conflict("a restart would forget the pipeline, since what is kept in the record directory is not obeyed: %v; or write the pipeline into the configuration file", told(p.started, err))
	}
	return nil
}
