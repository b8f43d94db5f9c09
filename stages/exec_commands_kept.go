package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// CommandStore stores the commands that have not completed, so that they survive a restart. It is
// safe for concurrent use.
type CommandStore interface {
	// Keep stores a command, in place of an earlier one with the same name. When it returns nil,
	// the command survives a power cut.
	Keep(KeptCommand) error
	// Done deletes the command with a name. A missing command is not an error.
	Done(name string)
}

// KeptCommand identifies a recording whose command has not completed. It does not contain the
// command itself: every user who may write recordings may also write the file of the store, and
// only the configuration decides which command runs.
type KeptCommand struct {
	Pipeline   string      `json:"pipeline"`
	Key        string      `json:"key"` // identifies the exec stage of the pipeline: see ExecConfig.key
	ID         string      `json:"id"`  // of the recording, like the fields below
	Stream     string      `json:"stream"`
	Path       string      `json:"path"`
	StartUTC   int64       `json:"start_ns"`
	EndUTC     int64       `json:"end_ns"`
	DurationNS int64       `json:"duration_ns"`
	SizeBytes  int64       `json:"size"`
	Reason     media.Cause `json:"reason"`
}

// Name returns the command's name in the store. Commands of one recording have different names if
// their command lines differ. Names sort by the age of the recording.
func (k KeptCommand) Name() string { return k.ID + "-" + k.Key }

func keptCommand(pipeline string, c *ExecConfig, r *media.Recording) KeptCommand {
	return KeptCommand{
		Pipeline: pipeline, Key: c.key(), ID: r.ID.String(), Stream: r.Stream, Path: r.Path,
		StartUTC: r.StartUTC, EndUTC: r.EndUTC, DurationNS: r.DurationNS, SizeBytes: r.SizeBytes, Reason: r.EndReason,
	}
}

func (k KeptCommand) recording() (media.Recording, error) {
	id, err := media.ParseID(k.ID)
	return media.Recording{
		ID: id, Stream: k.Stream, Pipeline: k.Pipeline, Path: k.Path, State: media.StateFinished,
		StartUTC: k.StartUTC, EndUTC: k.EndUTC, DurationNS: k.DurationNS, SizeBytes: k.SizeBytes, EndReason: k.Reason,
	}, err
}

// key returns a hash of the command line. It distinguishes the exec stages of a pipeline, except
// two with the same command line.
func (c *ExecConfig) key() string {
	sum := sha256.Sum256([]byte(strings.Join(c.Command.Reveal(), "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Matches reports whether an exec stage with the command line of c stored the command.
func (c *ExecConfig) Matches(k KeptCommand) bool { return c.key() == k.Key }

// ReadExec decodes the settings of stage s. ok is false if s is not an exec stage, or if its
// settings are invalid.
func ReadExec(s *pipeline.StageInfo, settings *config.Node) (cfg ExecConfig, ok bool) {
	cfg, ok = s.Defaults.(ExecConfig)
	return cfg, ok && len(settings.Decode(&cfg)) == 0
}

// Resume runs a command that an earlier process stored. It returns an error, and runs nothing, if
// the recording's file is gone (the command itself may have moved it), is no regular file below the
// record directory, or has a path or a stream path that is unsafe in a command.
func (c *Commands) Resume(k KeptCommand, cfg ExecConfig, log *slog.Logger) error {
	r, err := k.recording()
	if err != nil {
		return err
	}
	if !filepath.IsLocal(filepath.FromSlash(k.Path)) {
		return fmt.Errorf("%.200q leads out of the record directory", k.Path)
	}
	if err := streampath.Check(k.Stream); err != nil { // a path of an earlier version may be unsafe in a command
		return err
	}
	switch info, err := (filesystem.Own{Top: cfg.RecordPath}).Stat(execValues["path"](&r, &cfg)); {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("its file is gone")
	case errors.Is(err, filesystem.ErrNotBelow):
		return errors.New("its file is not a recording: it is a symbolic link, or below one")
	case err == nil && !info.Mode().IsRegular() || !strings.HasSuffix(k.Path, ".mp4"):
		return errors.New("its file is not a recording")
	}
	e := &execStage{cfg: cfg, commands: c, log: log.With("pipeline", k.Pipeline, "stream", k.Stream, "stage", "exec"), pipeline: k.Pipeline}
	e.cfg.MaxWaiting = math.MaxInt32 // the command was within the limit when it was stored
	c.mu.Lock()
	c.resumed[k.Name()] = true
	c.mu.Unlock()
	e.start(r, k.Name())
	return nil
}
