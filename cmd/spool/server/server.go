package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/cmd/spool/server/declared"
	"github.com/gospool/spool/cmd/spool/server/seen"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/retention"
	"github.com/gospool/spool/stages"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/webhook"
)

// Declare reads the pipelines that were made by API and kept in the configuration's record
// directory, and checks them together with the configuration. It starts nothing. Its errors are
// config.Problems if a declaration is wrong.
func Declare(cfg *configs.Config) (declared.State, error) { return declared.Read(cfg) }

// Compile builds the pipelines of a configuration and the pull sources of its streams, without
// I/O. Its error is config.Problems with all problems.
func Compile(cfg *configs.Config) ([]recorder.Declared, error) { return declared.Compile(cfg) }

// DirectoryWarning returns a warning if a start of this process would ignore the state that is kept
// in the record directory, with a remedy; otherwise "".
func DirectoryWarning(cfg *configs.Config) string {
	if err := declared.CheckDirectory(cfg); err != nil {
		return fmt.Sprintf("%s: %v", declared.RestartForgets, err)
	}
	return ""
}

// Problems returns the problems that Compile finds.
func Problems(cfg *configs.Config) config.Problems { return declared.Problems(cfg) }

// Server holds the parts of a running recorder. New makes it; Run runs it once.
type Server struct {
	options      Options
	clock        pipeline.Clock
	cfg          *configs.Config
	log          *slog.Logger
	services     *pipeline.Services
	tasks        *pipeline.Tasks
	pool         *media.Pool
	hub          *hub.Hub
	recorder     *recorder.Recorder
	declared     *declared.Set
	servers      *ingest.Servers
	wall         *wallclock.Judge
	expected     *seen.Expected // nil before open
	disk         *diskTimes
	commands     *stages.Commands
	commandStore *keptCommands

	protection *media.Protection
	outbox     *webhook.Outbox

	keeper         *retention.Keeper
	stopRetention  func()        // ends the task of retention
	crashRecovered atomic.Bool   // recovery of an earlier run's files is done
	unfinished     chan struct{} // signals that this run left a file unfinished
	diskWorks      *broadcast    // signals that the disk accepts files again
	redelivered    redelivered
	writable       *writable // watches whether record directories accept files
	firstSeen      firstSeen // when each problem began
	replaced       atomic.Pointer[[]metadata.Replaced]
	refused        chan error             // sent once if another recorder has this node's name
	elsewhere      atomic.Pointer[string] // why the rows belong to another record directory; else nil
	footage        *footage.Store
	recordings     recordings
	events         events
	mistaken       prometheus.Counter // see footage.Options
	catalogue      *metadata.Catalogue
	http           *api.Server
	httpAddr       string
	signIns        signIns
}

// Options are the inputs of a recorder beside its configuration. All are required.
type Options struct {
	Load         func() (*configs.Config, error) // reads the configuration again
	Log          *slog.Logger
	Clock        pipeline.Clock
	Synchronised func() bool // reports whether another clock sets the machine's: see wallclock.KernelSynchronised
	Version      string      // of the program, for the API
}

// New makes the parts of a recorder and, if memory.max is set, sets the process's memory limit.
// It opens, starts and writes nothing.
func New(d declared.State, o Options) (*Server, error) {
	cfg, clock, log := d.File, o.Clock, o.Log
	pool, budget := budget(cfg)
	s := &Server{
		options: o, cfg: cfg, clock: clock, log: log,
		services:    &pipeline.Services{},
		tasks:       pipeline.NewTasks(log, clock),
		wall:        wallclock.New(clock, o.Synchronised, log),
		pool:        pool,
		disk:        newDiskTimes(),
		unfinished:  make(chan struct{}, 1),
		refused:     make(chan error, 1),
		diskWorks:   newBroadcast(),
		redelivered: redelivered{done: map[media.ID]bool{}},
		mistaken:    newMistaken(),
		signIns:     newSignIns(log, cfg.Ingest.Servers),
	}
	s.hub = hub.New(s.pool, s.tasks, hub.Config{
		Builder:     media.BuilderConfig{Flush: time.Duration(cfg.FlushInterval), MaxBytes: int(cfg.FlushBytes)},
		MaxGOPBytes: int(cfg.Memory.GOP), MaxQueueBytes: int(cfg.Memory.Queue),
		ReadTimeout: cfg.Ingest.ReadTimeout.D(), WallClock: cfg.Ingest.WallClock,
		Budget: budget, Clock: clock, Log: log,
	})
	s.writable = newWritable(s.tasks, clock, s.trouble, s.logUnwritable)
	for path, stream := range cfg.Streams {
		err := s.hub.Configure(string(path), declared.StreamConfig(stream))
		if err != nil {
			return nil, err
		}
	}
	pipeline.Provide(s.services, s.pool)
	pipeline.Provide(s.services, budget)
	pipeline.Provide(s.services, s.hub)
	pipeline.Provide[mp4.Timings](s.services, s.disk)
	pipeline.Provide[mp4.OnUnfinished](s.services, s.leave)
	pipeline.Provide[mp4.OnTrouble](s.services, s.trouble)
	pipeline.Provide[mp4.MayRecord](s.services, s.mayRecord)
	pipeline.Provide(s.services, &mp4.Interrupted{Last: s.lastInterrupted})
	pipeline.Provide(s.services, mp4.FlushInterval(cfg.FlushInterval))
	s.commandStore = &keptCommands{dir: filepath.Join(cfg.MP4.RecordPath, commandsDir), log: log}
	s.commands = stages.NewCommands(s.tasks, clock, s.commandStore)
	pipeline.Provide(s.services, s.commands)
	env := pipeline.Env{Services: s.services, Log: log, Clock: clock}
	s.recorder = recorder.New(env, s.tasks, s.hub, d.Pipelines, time.Duration(cfg.ShutdownTimeout))
	s.recorder.LimitArmed(cfg.Memory.MaxArmed)
	s.hub.KeepGOPs(s.recorder)
	authorizer, err := newPublishers(cfg.Ingest.Auth, clock, s.signIns)
	if err != nil {
		return nil, err
	}
	s.servers, err = ingest.NewServers(cfg.Ingest.Servers, cfg.Ingest.ReadTimeout, ingest.ServerDeps{
		Hub: s.hub, Authorizer: authorizer, Cert: cfg.HTTP.TLS.Cert, Key: cfg.HTTP.TLS.Key, Tasks: s.tasks, Clock: clock, Log: log,
	})
	if err != nil {
		return nil, err
	}
	s.declared = declared.New(d, declared.Deps{
		Load: o.Load, Hub: s.hub, Recorder: s.recorder, Raise: s.raise, Clock: clock, Wall: s.wall, Log: log,
	})
	return s, nil
}

// close ends the parts, those that others depend on last. A signal on hurry stops the wait for
// commands of exec.
func (s *Server) close(ctx context.Context, hurry <-chan os.Signal) error {
	s.hub.Close()
	err := s.recorder.Shutdown(ctx)
	if s.keeper != nil {
		s.stopRetention()
	}
	s.finishCommands(ctx, hurry)
	s.lastNotices(ctx)
	if s.catalogue != nil {
		err = errors.Join(err, s.catalogue.Close(ctx))
	}
	err = errors.Join(err, s.tasks.Stop(ctx))
	s.writable.close()
	if s.outbox != nil {
		s.outbox.Close()
	}
	if s.keeper != nil {
		err = errors.Join(err, s.keeper.Close())
	}
	if n := s.pool.Outstanding(); n > 0 && err == nil {
		s.log.Warn("chunks were not released", "chunks", n)
	}
	return err
}
