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

// CommandStore keeps the commands that are yet to be run over a restart. It is safe
// for concurrent use.
type CommandStore interface {
	// Keep is durable when it returns nil. One of the same name is replaced.
	Keep(KeptCommand) error
	// Done takes one out. That it is not there is no error.
	Done(name string)
}

// KeptCommand is a recording that a command is yet to be run for. It does not say
// what is run: that is for the configuration alone to say, and the file of a store
// may be written by whoever may write recordings.
type KeptCommand struct {
	Pipeline string      `json:"pipeline"`
	Key      string      `json:"key"` // of the stage: see ExecConfig.key
	ID       string      `json:"id"`  // of the recording, as what follows is
	Stream   string      `json:"stream"`
	Path     string      `json:"path"`
	StartUTC int64       `json:"start_ns"`
	EndUTC   int64       `json:"end_ns"`
	Duration int64       `json:"duration_ns"`
	Size     int64       `json:"size"`
	Reason   media.Cause `json:"reason"`
}

// Name tells it from others, and sorts by age.
func (k KeptCommand) Name() string { return k.ID + "-" + k.Key }

func keptCommand(pipeline string, c *ExecConfig, r *media.Recording) KeptCommand {
	return KeptCommand{
		Pipeline: pipeline, Key: c.key(), ID: r.ID.String(), Stream: r.Stream, Path: r.Path,
		StartUTC: r.StartUTC, EndUTC: r.EndUTC, Duration: r.Duration, Size: r.Size, Reason: r.EndReason,
	}
}

func (k KeptCommand) recording() (media.Recording, error) {
	id, err := media.ParseID(k.ID)
	return media.Recording{
		ID: id, Stream: k.Stream, Pipeline: k.Pipeline, Path: k.Path, State: media.StateFinished,
		StartUTC: k.StartUTC, EndUTC: k.EndUTC, Duration: k.Duration, Size: k.Size, EndReason: k.Reason,
	}, err
}

// key tells the exec stages of a pipeline apart, by what they run.
func (c *ExecConfig) key() string {
	sum := sha256.Sum256([]byte(strings.Join(c.Command.Reveal(), "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Matches reports whether a kept command is one of a stage with these settings.
func (c *ExecConfig) Matches(k KeptCommand) bool { return c.key() == k.Key }

// ReadExec decodes the settings of a stage, and reports whether it is one that has commands
// run and they are in order.
func ReadExec(s *pipeline.StageInfo, settings *config.Node) (cfg ExecConfig, ok bool) {
	cfg, ok = s.Defaults.(ExecConfig)
	return cfg, ok && len(settings.Decode(&cfg)) == 0
}

// Resume runs what an earlier process kept. Its file may have been deleted or moved
// since, perhaps by the command itself: there is nothing to be run for then.
func (c *Commands) Resume(k KeptCommand, cfg ExecConfig, log *slog.Logger) error {
	r, err := k.recording()
	if err != nil {
		return err
	}
	if !filepath.IsLocal(filepath.FromSlash(k.Path)) {
		return fmt.Errorf("%.200q leads out of the record directory", k.Path)
	}
	if err := streampath.Check(k.Stream); err != nil { // it stands in the command
		return err
	}
	switch info, err := (filesystem.Own{Top: cfg.RecordPath}).Stat(execValues["path"](&r, &cfg)); {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("its file is gone")
	case errors.Is(err, filesystem.ErrNotBelow):
		return errors.New("its file is no recording: a link leads to it, or it is one")
	case err == nil && !info.Mode().IsRegular() || !strings.HasSuffix(k.Path, ".mp4"):
		return errors.New("its file is no recording")
	}
	e := &execStage{cfg: cfg, commands: c, log: log.With("pipeline", k.Pipeline, "stream", k.Stream, "stage", "exec"), pipeline: k.Pipeline}
	e.cfg.MaxWaiting = math.MaxInt32 // it waited once already
	c.mu.Lock()
	c.resumed[k.Name()] = true
	c.mu.Unlock()
	e.start(r, k.Name())
	return nil
}
