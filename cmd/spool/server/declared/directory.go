package declared

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/filesystem"
)

// CheckDirectory returns why a start ignores all state in the record directory, with a remedy:
// another user could have planted it. It returns nil if a start accepts the state, or if that
// cannot be determined, for example while the directory does not exist.
func CheckDirectory(file *configs.Config) error {
	err := filesystem.NothingPutBack(file.MP4.RecordPath)
	if errors.Is(err, filesystem.ErrNotOurs) {
		return err
	}
	return nil
}

// RestartForgets describes the consequence of an error of CheckDirectory.
const RestartForgets = "a restart forgets the pipelines made by API, manual stops, waiting notices and commands, and the list of seen streams"

// JudgeDirectory runs CheckDirectory again, stores its result for DirectoryError, and logs a new
// error.
func (p *Set) JudgeDirectory() error {
	err := CheckDirectory(p.started)
	p.mu.Lock()
	known := p.directoryError != nil
	p.directoryError = err
	p.mu.Unlock()
	if err != nil && !known {
		p.log.Warn(RestartForgets+": correct the directory as the error says, or declare pipelines in the configuration file", "error", err)
	}
	return err
}

// DirectoryError returns the last result of JudgeDirectory without disk access.
func (p *Set) DirectoryError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.directoryError
}

// told returns the text of an error without the path to the record directory.
func told(file *configs.Config, err error) string {
	above := filepath.Dir(filepath.Clean(file.MP4.RecordPath))
	if above == "." || above == "/" {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), above+"/", "")
}

// willKeep refuses a declaration that a restart would ignore.
func (p *Set) willKeep() error {
	if err := p.JudgeDirectory(); err != nil {
		return api.Conflict("a restart would forget the pipeline, since state in this record directory is not trusted: %v; or write the pipeline into the configuration file", told(p.started, err))
	}
	return nil
}
