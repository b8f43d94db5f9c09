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
	"github.com/gospool/spool/api/export"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/units"
	"github.com/gospool/spool/cmd/spool/server/declared"
	"github.com/gospool/spool/cmd/spool/server/seen"
	"github.com/gospool/spool/cmd/spool/server/timeshift"
	"github.com/gospool/spool/cmd/spool/server/viewing"
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
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/fmp4"
	"github.com/gospool/spool/stages/egress/hls"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/webhook"
)

// Declare reads the pipelines that were made by API from the record directory of a configuration, and
// checks them together with the configuration. It starts nothing. The error is config.Problems if the
// configuration is wrong; a wrong pipeline made by API is no error: see declared.Read.
func Declare(cfg *configs.Config) (declared.State, error) { return declared.Read(cfg) }

// Compile builds the pipelines of a configuration, checks its other settings, and returns the
// pipelines. It does no I/O. The error is config.Problems with all problems.
func Compile(cfg *configs.Config) ([]recorder.Declared, error) { return declared.Compile(cfg) }

// DirectoryWarning returns a warning with a remedy if a start of spool by this user would ignore the
// state in the record directory, such as pipelines made by API: see declared.CheckDirectory. Otherwise
// it returns "".
func DirectoryWarning(cfg *configs.Config) string {
	if err := declared.CheckDirectory(cfg); err != nil {
		return fmt.Sprintf("%s: %v", declared.RestartForgets, err)
	}
	return ""
}

// Problems returns the problems that Compile finds in a configuration.
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
	viewers      *egress.Readers
	gate         *egress.Gate
	replays      units.Library // without recordings until newAPI
	wall         *wallclock.Judge
	expected     *seen.Expected // the hub's and the remembered streams; set by open
	disk         *diskTimes
	commands     *stages.Commands
	commandStore *keptCommands

	protection *media.Protection
	outbox     *webhook.Outbox

	keeper         *retention.Keeper
	stopRetention  func()        // ends the task of retention and waits for its end
	crashRecovered atomic.Bool   // recovery of the files of an earlier run is done
	unfinished     chan struct{} // receives when a recording of this run has left a file unfinished
	diskWorks      *broadcast    // wakes the work that waits for the disk when it accepts files again
	redelivered    redelivered
	writable       *writable                           // tests whether the record directories accept files
	firstSeen      firstSeen                           // since when each problem without a time is known
	replaced       atomic.Pointer[[]metadata.Replaced] // the last result of lookForReplaced
	refused        chan error                          // receives once if another recorder has this node's name
	elsewhere      atomic.Pointer[string]              // why the rows are of another directory; nil: they are not
	footage        *footage.Store
	recordings     recordings
	events         events
	mistaken       prometheus.Counter // files that belong to another recording than their row: see newFootage
	catalogue      *metadata.Catalogue
	exports        *export.Store
	http           *api.Server
	httpAddr       string
	signIns        signIns
}

// Options holds the inputs of New beside the configuration. All are required.
type Options struct {
	Load         func() (*configs.Config, error) // reads the configuration again, for a reload
	Log          *slog.Logger
	Clock        pipeline.Clock
	Synchronised func() bool // reports whether the machine's clock is synchronised: see wallclock.KernelSynchronised
	Version      string      // version of the program, which the API and the metrics show
}

// New makes the parts of a recorder from its declarations. It opens, starts and writes nothing, but if
// memory.max is set, it sets the memory limit of the process.
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
		Builder:     media.BuilderConfig{Flush: time.Duration(cfg.FlushInterval), MaxBytes: cfg.FlushBytes.Int()},
		MaxGOPBytes: cfg.Memory.GOP.Int(), MaxQueueBytes: cfg.Memory.Queue.Int(),
		ServesReaders: cfg.Egress.Enable, ReadTimeout: cfg.Ingest.ReadTimeout.D(), ReconnectGrace: cfg.Ingest.ReconnectGrace.D(), WallClock: cfg.Ingest.WallClock, G711: cfg.Ingest.Audio.G711,
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
	pipeline.Provide[mp4.Standalone](s.services, false)
	s.commandStore = &keptCommands{dir: filepath.Join(cfg.MP4.RecordPath, commandsDir), log: log}
	s.commands = stages.NewCommands(s.tasks, clock, s.commandStore)
	pipeline.Provide(s.services, s.commands)
	env := pipeline.Env{Services: s.services, Log: log, Clock: clock}
	s.recorder = recorder.New(env, s.tasks, s.hub, d.Pipelines, time.Duration(cfg.ShutdownTimeout))
	s.gate = egress.NewGate(s.offer)
	s.recorder.LimitArmed(cfg.Memory.MaxArmed)
	s.hub.KeepGOPs(s.recorder)
	authorizer, err := newPublishers(cfg.Ingest.Auth, clock, s.signIns)
	if err != nil {
		return nil, err
	}
	readers := ingestReaders(cfg, s.gate)
	readers.Footage = &s.replays
	s.servers, err = ingest.NewServers(cfg.Ingest.Servers, cfg.Ingest.ReadTimeout, ingest.ServerDeps{
		Hub: s.hub, Authorizer: authorizer, Readers: readers, Cert: cfg.HTTP.TLS.Cert, Key: cfg.HTTP.TLS.Key, Tasks: s.tasks, Clock: clock, Log: log,
	})
	if err != nil {
		return nil, err
	}
	s.viewers = egress.NewReaders(s.hub, s.gate, cfg.Egress.MaxReaders, log, clock)
	s.declared = declared.New(d, declared.Deps{
		Load: o.Load, Hub: s.hub, Recorder: s.recorder, Raise: s.raise, Clock: clock, Wall: s.wall, Log: log,
		Watched: s.connections().EndUnserved,
	})
	return s, nil
}

func (s *Server) connections() viewing.Connections {
	return viewing.Connections{Servers: s.servers, Readers: s.viewers, Gate: s.gate}
}

// offer returns what the clients of a stream get. Its error is an *egress.NotServedError.
func (s *Server) offer(path string) (egress.Offer, error) {
	d, err := s.recorder.Watched(path)
	if err != nil {
		return egress.Offer{}, &egress.NotServedError{Reason: fmt.Sprintf("nobody can watch this stream: %v", err)}
	}
	return egress.Offer{Pipeline: d.Plan.Name, LiveConfig: d.Plan.Output().(egress.LiveConfig)}, nil
}

// live returns the outputs over HTTP, or nil if clients may not read streams. What they list of the past they read from clips.
func (s *Server) live(clips *clip.Library) api.Live {
	if !s.cfg.Egress.Enable {
		return nil
	}
	packagers := cmaf.NewPackagers(s.hub, s.tasks, s.clock, cmaf.Config{Archive: timeshift.New(clips, s.recordings)})
	return viewing.Live{
		FMP4: &fmp4.Server{Readers: s.viewers, Packagers: packagers, Stall: viewerStall, Now: s.clock.Now},
		HLS:  hls.New(s.viewers, packagers, s.tasks, s.clock, viewerStall),
	}
}

// peers returns the server that answers the offers of clients, or nil if it is off.
func (s *Server) peers() api.Peers {
	if server := s.servers.Signalled(); server != nil {
		return viewing.Peers{Server: server, Plays: s.cfg.Egress.Enable}
	}
	return nil
}

// viewerStall is the longest time for which a client that reads a live stream may take nothing.
const viewerStall = 20 * time.Second

// close ends the parts that are open, each before the parts that it depends on. It stops waiting when ctx ends,
// except that killed commands of exec get five seconds. A signal on hurry, which may be nil, ends the wait for
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
	s.viewers.HangUp() // the HTTP server would wait for those that take nothing
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
