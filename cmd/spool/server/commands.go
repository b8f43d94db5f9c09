package server

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/stages"
)

// keptCommands stores the commands of exec stages that have not run yet, so that they run after a
// restart: one file for each command, in a directory below the record directory. It implements
// stages.CommandStore.
type keptCommands struct {
	dir string
	log *slog.Logger
}

const (
	commandsDir   = ".spool-commands"
	commandSuffix = ".json"
)

// disk returns the file system operations of the store, which follow no symbolic links below the
// record directory.
func (k *keptCommands) disk() durable.Disk { return durable.Below(filepath.Dir(k.dir)) }

func (k *keptCommands) path(name string) string { return filepath.Join(k.dir, name+commandSuffix) }

// Keep stores a command. It makes the directory if that is missing.
func (k *keptCommands) Keep(c stages.KeptCommand) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	err = durable.Replace(k.disk(), k.path(c.Name()), text, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.MkdirAll(k.disk(), k.dir, 0o700); err != nil {
		return err
	}
	return durable.Replace(k.disk(), k.path(c.Name()), text, 0o600)
}

// Done removes a command that has run. A power cut may undo the removal: the command then runs once
// more.
func (k *keptCommands) Done(name string) {
	if name == "" {
		return
	}
	if err := k.disk().Remove(k.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.log.Warn("a command has run, but could not be removed from the store: it will run again after a restart", "name", name, "error", err)
	}
}

// resumeCommands runs the commands that an earlier process has stored and not run. It logs and removes a
// command that can never run, because its pipeline or its stage no longer exists or its file is damaged. It
// logs and keeps a command that a later start may run.
func (s *Server) resumeCommands() {
	store := s.commandStore
	entries, err := store.disk().List(store.dir) // sorted by name, and so from the oldest command to the newest
	if len(entries) > 0 {
		err = store.disk().Own.OurDirectory(store.dir)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.log.Error("commands of an earlier run cannot be read and are kept", "commands", len(entries), "error", err)
		}
		return
	}
	for _, e := range entries {
		name, whole := strings.CutSuffix(e.Name(), commandSuffix)
		if !whole { // a temporary file that a crash left: Keep had not returned, and the command was not stored
			_ = store.disk().Remove(filepath.Join(store.dir, e.Name()))
			continue
		}
		c, err := store.read(name)
		if err == nil {
			err = s.resumeCommand(c)
		}
		if err == nil {
			continue
		}
		s.log.Error("a command of an earlier run is not run", "pipeline", c.Pipeline, "stream", c.Stream, "file", c.Path, "name", name, "error", err)
		// After the three errors below the next start may run the command; after any other it never runs.
		if disk := syscall.Errno(0); !errors.As(err, &disk) && !errors.Is(err, filesystem.ErrNotOurs) && !errors.Is(err, errNotYet) {
			store.Done(name)
		}
	}
}

// maxCommandBytes bounds the size of a file that is read as a stored command, because another program
// may have written it.
const maxCommandBytes = 64 << 10

// read returns the stored command with a name.
func (k *keptCommands) read(name string) (c stages.KeptCommand, err error) {
	text, err := k.disk().Own.ReadOurs(k.path(name), maxCommandBytes)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && c.Name() != name {
		err = errors.New("the file holds no command of this name")
	}
	return c, err
}

var errNotYet = errors.New("its pipeline does not run now: the command runs at the next start with that pipeline")

// resumeCommand runs a stored command of an exec stage. It returns errNotYet if the command's pipeline is
// stored but does not run now, so that a later start may run the command. It returns another error if no
// pipeline has the command any more.
func (s *Server) resumeCommand(c stages.KeptCommand) error {
	now := s.declared.State()
	cfg, found := execStage(now.All, c)
	if !found && now.Waits(c.Pipeline) {
		return errNotYet
	}
	if !found {
		return errors.New("the pipeline has no such command any more")
	}
	return s.commands.Resume(c, cfg, s.log)
}

// execStage returns the settings of the exec stage to which a stored command belongs. It returns false
// if the configuration has no such stage.
func execStage(cfg *configs.Config, c stages.KeptCommand) (found stages.ExecConfig, ok bool) {
	pipeline.EachStage(cfg.Pipelines[configs.PipelineName(c.Pipeline)].Stages, func(s *pipeline.StageInfo, settings *config.Node) {
		if own, is := stages.ReadExec(s, settings); is && own.Matches(c) {
			found, ok = own, true
		}
	})
	return found, ok
}

// finishCommands waits until all commands of exec stages have run, for at most three quarters of the time to
// ctx's deadline, because closing the catalogue needs the rest, or until a signal arrives on hurry. Without a
// deadline it does not wait. Then it kills the running commands; the next start runs them and the waiting ones.
func (s *Server) finishCommands(ctx context.Context, hurry <-chan os.Signal) {
	const killed = 5 * time.Second // time in which killed commands must end
	if deadline, bounded := ctx.Deadline(); bounded && s.commands.Held() > 0 {
		s.log.Info("waiting for commands of exec; a second signal leaves them to the next start", "commands", s.commands.Held())
		wait, cancel := context.WithTimeout(ctx, time.Until(deadline)*3/4)
		stop := s.tasks.Go("second signal", func(ctx context.Context) error {
			select {
			case <-hurry:
				cancel()
			case <-ctx.Done():
			}
			return nil
		})
		s.commands.Wait(wait)
		stop()
		cancel()
	}
	leave, cancel := context.WithTimeout(context.Background(), killed)
	defer cancel()
	s.commands.Leave(leave)
}
