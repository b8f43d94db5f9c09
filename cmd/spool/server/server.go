package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/retention"
	"github.com/gospool/spool/stages"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtsp"
	"github.com/gospool/spool/stages/webhook"
)

// house is the parts of a running recorder.
type house struct {
	cfg      *configs.Config
	log      *slog.Logger
	services *pipeline.Services
	tasks    *pipeline.Tasks
	pool     *media.Pool
	hub      *hub.Hub
	recorder *recorder.Recorder
	plans    *plans
	rtsp     *rtsp.Server
	wall     *pipeline.WallClock
	disk     *diskTimes
	commands *stages.Commands
	kept     *keptCommands

	protection *media.Protection
	outbox     *webhook.Outbox

	keeper    *retention.Keeper
	rest      func()        // ends its task
	finished  atomic.Bool   // what a crash left is
	left      chan struct{} // a file was left unfinished while we run
	works     *broadcast    // the disk takes files again
	writable  *writable     // whether recordings can be written
	began     firstSeen     // of problems
	replaced  atomic.Pointer[[]metadata.Replaced]
	refused   chan error             // the name is another recorder's: told once
	elsewhere atomic.Pointer[string] // why the record directory is not the catalogue's; nil when it is
	footage   *footage.Store
	shelf     recordings
	mistaken  prometheus.Counter // see footage.Options
	catalogue *metadata.Catalogue
	http      *api.Server
	httpAddr  string
}

// newHouse makes the parts that need no I/O.
func newHouse(cfg *configs.Config, declared []recorder.Declared, log *slog.Logger) (*house, error) {
	clock := pipeline.SystemClock
	pool, budget := budget(cfg)
	h := &house{
		cfg: cfg, log: log,
		services: &pipeline.Services{},
		tasks:    pipeline.NewTasks(log, clock),
		wall:     pipeline.NewWallClock(clock, pipeline.KernelSynchronised, log),
		pool:     pool,
		disk:     newDiskTimes(),
		left:     make(chan struct{}, 1),
		refused:  make(chan error, 1),
		works:    newBroadcast(),
		mistaken: newMistaken(),
	}
	h.hub = hub.New(h.pool, h.tasks, hub.Config{
		Builder:     media.BuilderConfig{Flush: time.Duration(cfg.FlushInterval), MaxBytes: int(cfg.FlushBytes)},
		MaxGOPBytes: int(cfg.Memory.GOP), MaxQueueBytes: int(cfg.Memory.Queue),
		ReadTimeout: cfg.Ingest.RTSP.ReadTimeout.D(), WallClock: cfg.Ingest.WallClock,
		Budget: budget, Clock: clock, Log: log,
	})
	h.writable = newWritable(h.tasks, clock, h.trouble, h.unsaid)
	for path, s := range cfg.Streams {
		err := h.hub.Configure(string(path), streamConfig(s))
		if err != nil {
			return nil, err
		}
	}
	pipeline.Provide(h.services, h.pool)
	pipeline.Provide(h.services, budget)
	pipeline.Provide(h.services, h.hub)
	pipeline.Provide[mp4.Timings](h.services, h.disk)
	pipeline.Provide[mp4.OnUnfinished](h.services, h.leave)
	pipeline.Provide[mp4.OnTrouble](h.services, h.trouble)
	pipeline.Provide(h.services, &mp4.Interrupted{Last: h.lastInterrupted})
	pipeline.Provide(h.services, mp4.FlushInterval(cfg.FlushInterval))
	h.kept = &keptCommands{dir: filepath.Join(cfg.MP4.RecordPath, commandsDir), log: log}
	h.commands = stages.NewCommands(h.tasks, clock, h.kept)
	pipeline.Provide(h.services, h.commands)
	env := pipeline.Env{Services: h.services, Log: log, Clock: clock}
	h.recorder = recorder.New(env, h.tasks, h.hub, declared, time.Duration(cfg.ShutdownTimeout))
	h.hub.Watch(h.recorder.Began)
	h.hub.KeepGOPs(h.recorder)
	authorize, err := publishers(cfg.Ingest.Auth, clock)
	if err != nil {
		return nil, err
	}
	r := cfg.Ingest.RTSP
	h.rtsp = rtsp.New(rtsp.Config{
		Listen: r.Listen, UDP: rtsp.UDP{RTP: r.UDP.RTP, RTCP: r.UDP.RTCP},
		OverridePublisher: r.OverridePublisher,
		ReadTimeout:       time.Duration(r.ReadTimeout), WriteTimeout: time.Duration(r.WriteTimeout),
		AnnounceTimeout: time.Duration(r.AnnounceTimeout), MaxConnections: r.MaxConnections, MaxPerAddress: r.MaxPerAddress, Clock: clock, Authorize: authorize,
	}, h.hub, log)
	return h, nil
}

// open acquires what the parts need and starts the servers. Recovery of what an
// earlier run left goes on beside the recording.
func (h *house) open(ctx context.Context) error {
	dir := h.cfg.MP4.RecordPath
	if err := durable.MkdirAll(durable.Disk{}, dir, 0o755); err != nil {
		return fmt.Errorf("mp4.record_path: %w", err)
	}
	h.logFilesystems()
	h.protection = media.NewProtection(int64(h.cfg.Events.MaxProtectBytes), protectable(dir, h.cfg.Events.MaxProtectPercent))
	pipeline.Provide(h.services, h.protection)
	if err := h.openCatalogue(ctx, dir); err != nil {
		return err
	}
	if err := h.openOutbox(dir); err != nil {
		return err
	}
	if err := h.openAPI(dir); err != nil {
		return err
	}
	h.openRTSP(ctx)
	h.startRetention()
	h.tasks.Go("looking whether recordings can be written", func(ctx context.Context) error { return h.writable.run(ctx, h.dirs) })
	h.resumeCommands() // before recovery tells of files, for which a command may be kept
	h.tasks.Go("upkeep of the catalogue", h.upkeep)
	h.tasks.Go("recovery", func(ctx context.Context) error { return h.recover(ctx, dir) })
	h.tasks.Go("comparison with a database that was put back", func(ctx context.Context) error { return h.compareAgain(ctx, dir) })
	if h.cfg.MP4.AutoRecovery {
		h.tasks.Go("recovery of what is left on the way", func(ctx context.Context) error { return h.recoverLeft(ctx, dir) })
	}
	return nil
}

// openRTSP starts the server and waits until it listens, or has failed for the
// first time: it then tries again while all else works.
func (h *house) openRTSP(ctx context.Context) {
	if h.cfg.Ingest.RTSP.Listen == "" {
		return
	}
	failed := make(chan struct{})
	once := sync.OnceFunc(func() { close(failed) })
	h.tasks.Keep("rtsp", pipeline.Backoff{}, func(ctx context.Context) error {
		defer once()
		return h.rtsp.Run(ctx)
	})
	select {
	case <-h.rtsp.Ready():
	case <-failed:
	case <-ctx.Done():
	}
}

// rtspAddr is where the server listens, or will as soon as it can.
func (h *house) rtspAddr() string {
	select {
	case <-h.rtsp.Ready():
		return h.rtsp.Addr().String()
	default:
		return h.cfg.Ingest.RTSP.Listen
	}
}

// openOutbox begins to send the notices that an earlier run left, too.
func (h *house) openOutbox(dir string) (err error) {
	h.outbox, err = webhook.Open(webhook.Options{
		Dir: filepath.Join(dir, outboxDir), Tasks: h.tasks, Clock: pipeline.SystemClock, Wall: h.wall, Log: h.log,
	})
	if err == nil {
		pipeline.Provide(h.services, h.outbox)
	}
	return err
}

const outboxDir = ".spool-notices"

// lastNotices lets webhooks hear of the files that were finished just now. Whoever
// does not answer at once hears of them after the next start.
func (h *house) lastNotices(ctx context.Context) {
	if h.outbox == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	h.outbox.Settle(ctx)
}

func (h *house) openCatalogue(ctx context.Context, dir string) (err error) {
	options, err := catalogueOptions(h.cfg, dir)
	if err != nil {
		return err
	}
	options.Log, options.Tasks = h.log, h.tasks
	options.Ended = func(ctx context.Context, r media.Recording) { h.tell(ctx, r) }
	h.catalogue, err = metadata.Open(ctx, options)
	if err != nil {
		return err
	}
	pipeline.Provide(h.services, h.catalogue)
	return h.claimName(ctx)
}

func (h *house) openAPI(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	h.footage = newFootage(h.catalogue, abs, h.mistaken, func(path string) { h.keeper.Changed(path) })
	if err := h.openRetention(abs); err != nil {
		return err
	}
	h.shelf = recordings{h.catalogue, files{abs}, h.footage, h.recorder}
	events := events{
		recorder: h.recorder, recordings: h.shelf, before: h.cfg.MP4.BeforeDuration.D(), after: h.cfg.MP4.AfterDuration.D(),
		clock: pipeline.SystemClock, log: h.log, asking: make(chan struct{}, 4),
		maxBefore: h.cfg.Events.MaxBefore.D(), wait: h.cfg.Events.Wait.D(), protection: h.protection,
	}
	h.plans.raise = events.Trigger
	h.http, err = api.New(api.Config{
		Version: readBuild().version, Listen: h.cfg.HTTP.Listen, RecordDir: abs,
		Auth: apiAuth(h.cfg.HTTP.Auth), TLS: api.TLS(h.cfg.HTTP.TLS),
	}, api.Deps{
		Log: h.log, Clock: pipeline.SystemClock,
		Recorder: control{h.recorder, h.plans.keepStops}, Streams: h.hub,
		Events:    events,
		Catalogue: h.shelf, Files: playback.NewDir(abs, growing(abs)), Belongs: h.shelf.belongs,
		Schedule: h.plans.schedule, Pipelines: h.plans, Retention: planner{h.keeper},
		Ready: h.ready, Health: h.problems, Metrics: []prometheus.Collector{&stores{h.catalogue.Stats, h.capacity, h.obstacles, h.rtsp.Counts}, h.disk.write, h.disk.sync, h.disk.finish, h.mistaken},
	})
	if err != nil {
		return err
	}
	addr, err := h.http.Listen()
	if err != nil {
		return err
	}
	h.httpAddr = addr.String()
	h.tasks.Go("http", h.http.Serve)
	return nil
}

// close ends every part, those that others stand on last. A signal of hurry leaves
// what waits for other programs.
func (h *house) close(ctx context.Context, hurry <-chan os.Signal) error {
	h.hub.Close()
	err := h.recorder.Shutdown(ctx)
	if h.keeper != nil {
		h.rest()
	}
	h.finishCommands(ctx, hurry)
	h.lastNotices(ctx)
	if h.catalogue != nil {
		err = errors.Join(err, h.catalogue.Close(ctx))
	}
	err = errors.Join(err, h.tasks.Stop(ctx))
	h.writable.close()
	if h.outbox != nil {
		h.outbox.Close()
	}
	if h.keeper != nil {
		err = errors.Join(err, h.keeper.Close())
	}
	if n := h.pool.Outstanding(); n > 0 && err == nil {
		h.log.Warn("chunks were not released", "chunks", n)
	}
	return err
}
