package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/export"
	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/units"
	"github.com/gospool/spool/cmd/spool/server/seen"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
	"github.com/gospool/spool/sinks/retention"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/webhook"
)

// open opens the parts of the recorder in order, starts their tasks, and lets the servers listen. It
// returns before the tasks have done their work: the files of an earlier run are recovered while new
// ones are recorded.
func (s *Server) open(ctx context.Context) error {
	dir := s.cfg.MP4.RecordPath
	modes, err := disk.ParseModes(s.cfg.MP4.FileMode, s.cfg.MP4.DirMode, s.cfg.MP4.Group)
	if err != nil {
		return fmt.Errorf("mp4.%w", err)
	}
	err = mp4.MakeRecordDir(durable.Disk{}, dir, modes)
	if err == nil {
		err = mayWrite(dir)
	}
	if err != nil {
		return unwritableRecordPath(err)
	}
	_ = s.declared.JudgeDirectory() // it logs its error itself
	s.protection = media.NewProtection(int64(s.cfg.Events.MaxProtectBytes), protectable(dir, s.cfg.Events.MaxProtectPercent))
	pipeline.Provide(s.services, s.protection)
	if err := s.openCatalogue(ctx, dir); err != nil {
		return err
	}
	known := seen.Open(dir, s.hub.List, s.log)
	s.expected = &seen.Expected{Hub: s.hub, Seen: known, Wants: s.recorder.Wants, Clock: s.clock}
	if err := s.newAPI(dir); err != nil { // while the database is being opened
		return err
	}
	if err := s.claimName(ctx); err != nil {
		return err
	}
	if err := s.openOutbox(dir); err != nil {
		return err
	}
	s.hub.Watch(func(path string) {
		known.Saw(path, s.clock.Now())
		s.recorder.PublisherCame(path)
	})
	s.hub.WatchDepartures(func(d hub.Departure) { known.Left(d.Path, d.Last, d.Since) })
	s.tasks.Go("remembering streams", func(ctx context.Context) error { return known.Run(ctx, s.clock) })
	if err := s.listen(); err != nil {
		return err
	}
	s.logFilesystems() // after listen: the probes write to the disk, and delay the first answer
	s.servers.Start(ctx, s.tasks)
	s.hub.PullAlways()
	s.tasks.Go("watching for silent streams", s.hub.WatchSilence)
	s.startRetention()
	s.tasks.Go("deletion of old exports", s.exports.Run)
	s.tasks.Go("looking whether recordings can be written", func(ctx context.Context) error { return s.writable.run(ctx, s.dirs) })
	s.resumeCommands() // before recovery delivers files to commands
	s.tasks.Go("upkeep of the catalogue", s.upkeep)
	s.tasks.Go("recovery", func(ctx context.Context) error { return s.recover(ctx, dir) })
	s.tasks.Go("comparison with a database that was put back", func(ctx context.Context) error { return s.compareAgain(ctx, dir) })
	if s.cfg.MP4.AutoRecovery {
		s.tasks.Go("recovery of what is left on the way", func(ctx context.Context) error { return s.recoverLeft(ctx, dir) })
	}
	return nil
}

// openOutbox opens the store of webhook notices in the record directory dir, and begins to send the
// notices that an earlier run has left in the store.
func (s *Server) openOutbox(dir string) (err error) {
	known := &targets{}
	s.outbox, err = webhook.Open(webhook.Options{
		Find: func(key string) (webhook.Target, bool) { return known.find(s.declared.State().All, key) },
		Dir:  filepath.Join(dir, outboxDir), Tasks: s.tasks, Clock: s.clock, Wall: s.wall, Log: s.log,
	})
	if err == nil {
		pipeline.Provide(s.services, s.outbox)
	}
	return err
}

// outboxDir is the directory of the webhook notices below the record directory.
const outboxDir = ".spool-notices"

// lastNotices waits until all webhook notices are sent, for at most three seconds. The next start sends
// the remaining ones.
func (s *Server) lastNotices(ctx context.Context) {
	if s.outbox == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	s.outbox.Settle(ctx)
}

// openCatalogue opens the catalogue, which then opens the database. It does not wait for the database: see
// claimName.
func (s *Server) openCatalogue(ctx context.Context, dir string) (err error) {
	options, err := CatalogueOptions(s.cfg, dir, s.clock)
	if err != nil {
		return err
	}
	options.Log, options.Tasks = s.log, s.tasks
	options.Ended = func(ctx context.Context, r media.Recording) { s.redeliver(ctx, r) }
	s.catalogue, err = metadata.Open(ctx, options)
	if err != nil {
		return err
	}
	pipeline.Provide(s.services, s.catalogue)
	return nil
}

// newAPI makes the HTTP server, which does not listen yet, and the parts that requests need.
func (s *Server) newAPI(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	s.footage = newFootage(s.catalogue, abs, s.clock, s.mistaken, func(path string) { s.keeper.Changed(path) })
	if err := s.openRetention(abs); err != nil {
		return err
	}
	s.recordings = recordings{s.catalogue, files{abs}, s.footage, s.recorder}
	s.events = events{
		recorder: s.recorder, recordings: s.recordings, before: s.cfg.MP4.BeforeDuration.D(), after: s.cfg.MP4.AfterDuration.D(),
		clock: s.clock, log: s.log,
		maxBefore: s.cfg.Events.MaxBefore.D(), wait: s.cfg.Events.Wait.D(), protection: s.protection,
	}
	users, err := apiAuth(s.cfg.HTTP.Auth)
	if err != nil {
		return fmt.Errorf("http.auth: %w", err)
	}
	files := playback.NewDir(abs, growing(abs))
	s.replays = units.New(&clip.Library{Files: files, Indexes: sampleindex.In(abs), Belongs: s.recordings.belongs}, s.recordings, &playback.Readers{})
	s.http, err = api.New(api.Config{
		Version: s.options.Version, Listen: s.cfg.HTTP.Listen, RecordDir: abs,
		Hosts: s.cfg.HTTP.Hosts, Proxies: s.cfg.HTTP.Proxies(),
		Auth: users, TLS: api.TLS(s.cfg.HTTP.TLS), MediaMTX: api.MediaMTX{Listen: s.cfg.HTTP.MediaMTX.Listen, Origins: s.cfg.HTTP.MediaMTX.AllowOrigins}, MaxSeries: s.cfg.Memory.MaxSeries, FFmpeg: s.cfg.HTTP.FFmpeg,
	}, api.Deps{
		Log: s.log, Clock: s.clock,
		Recorder: control{s.recorder, s.declared.KeepStops}, Streams: s.expected, Seen: s.expected.Seen,
		Events: s.events,
		Live:   s.live(s.replays.Recordings), Peers: s.peers(), Clients: s.connections(), PublishTo: s.publishTo, Catalogue: s.recordings, Files: files, Lists: s.lists(), Belongs: s.recordings.belongs,
		Clips: s.replays.Recordings, Readers: s.replays.Readers,
		Exports:  func(source bundle.Source) *export.Store { return s.newExports(abs, source) },
		Schedule: s.declared.Schedule(), Pipelines: s.declared, Retention: s.keeper,
		Ready: s.ready, Health: s.problems, Metrics: []prometheus.Collector{&storageMetrics{s.catalogue.Stats, s.capacity, s.obstacles, s.recorder.Arming}, s.disk.write, s.disk.sync, s.disk.finish, s.mistaken, s.signIns, s.connections(), memoryMetrics{s.pool}}, SignIns: s.signIns["http"],
	})
	return err
}

// newExports makes the store of exports in the record directory dir. It removes what a crash has left there.
func (s *Server) newExports(dir string, source bundle.Source) *export.Store {
	policy := retentionPolicy(s.cfg)
	s.exports = export.New(export.Options{
		RecordDir: dir, Source: source, Tasks: s.tasks, Clock: s.clock, Log: s.log,
		Recorder: func() manifest.Recorder {
			return manifest.Recorder{Name: s.catalogue.Node(), Program: "spool", Version: s.options.Version}
		},
		Limits: export.Limits{
			Count: s.cfg.Exports.MaxCount, Running: s.cfg.Exports.MaxRunning, Keep: s.cfg.Exports.Keep.D(), BytesPerSecond: int64(s.cfg.Exports.MaxBytesPerSecond),
		},
		Room: func() (int64, error) {
			disk, err := retention.Disk(dir)
			return policy.Room(disk), err
		},
	})
	s.exports.Load()
	return s.exports
}

// listen lets the HTTP server listen, at the addresses of the API and of the requests of MediaMTX's playback server.
func (s *Server) listen() error {
	addr, err := s.http.Listen()
	if err != nil {
		return err
	}
	s.httpAddr = addr.String()
	s.tasks.Go("http", s.http.Serve)
	addr, err = s.http.ListenMediaMTX()
	if err != nil || addr == nil {
		return err
	}
	s.log.Info("answers the requests of MediaMTX's playback server", "address", addr.String())
	s.tasks.Go("mediamtx", s.http.ServeMediaMTX)
	return nil
}

// lists returns the function for api.Deps.Lists: nil, by which every file is served, if
// http.serve_unknown_files is set.
func (s *Server) lists() func(context.Context, *os.File, string) error {
	if s.cfg.HTTP.ServeUnknown {
		return nil
	}
	return s.recordings.lists
}

// raise records an event that a job of the schedule demands, in the same way as an event that a request
// demands.
func (s *Server) raise(ctx context.Context, stream string, t pipeline.Trigger) error {
	_, err := s.events.Trigger(ctx, stream, t)
	return err
}
