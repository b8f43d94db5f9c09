package declared

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/filesystem"
)

// CheckDirectory returns an error, with a remedy in its text, if a start would ignore all state in the
// record directory because another user could have put it there: see filesystem.NothingPutBack. It
// returns nil if a start would accept the state, or if this cannot be determined, for example because
// the directory does not exist.
func CheckDirectory(file *configs.Config) error {
	err := filesystem.NothingPutBack(file.MP4.RecordPath)
	if errors.Is(err, filesystem.ErrNotOurs) {
		return err
	}
	return nil
}

// RestartForgets is a text for the operator: the consequence of an error of CheckDirectory.
const RestartForgets = "a restart forgets the pipelines made by API, manual stops, waiting notices and commands, and the list of seen streams"

// JudgeDirectory returns the present result of CheckDirectory and stores it for DirectoryError. It logs
// a warning if the result is an error and the previous result was nil.
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

// DirectoryError returns the last result of JudgeDirectory, without access to the disk.
func (p *Set) DirectoryError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.directoryError
}

// told returns the text of an error as a client may see it: without the directories above the record
// directory.
func told(file *configs.Config, err error) string {
	above := filepath.Dir(filepath.Clean(file.MP4.RecordPath))
	if above == "." || above == "/" {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), above+"/", "")
}

// willKeep returns an api Conflict if the next start would ignore the file of the pipelines made by
// API, so that a pipeline declared now would be lost: see CheckDirectory.
func (p *Set) willKeep() error {
	if err := p.JudgeDirectory(); err != nil {
		return api.Conflict("a restart would forget the pipeline, since state in this record directory is not trusted: %v; or write the pipeline into the configuration file", told(p.started, err))
	}
	return nil
}
