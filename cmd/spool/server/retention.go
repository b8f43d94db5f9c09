package server

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/retention"
)

// openRetention makes the retention of the record directory dir, an absolute path. Retention deletes no
// unfinished file before recovery is done.
func (s *Server) openRetention(dir string) (err error) {
	s.stopRetention = func() {}
	s.keeper, err = retention.New(retentionPolicy(s.cfg), retention.Deps{
		Dir: dir, Read: fileReader(s.cfg, &s.crashRecovered), Store: deleter{s.footage, s},
		Recordings: stopper{s.recorder}, Writable: s.canWrite, Clock: s.clock, Wall: s.wall, Log: s.log,
	})
	if err == nil {
		pipeline.Provide[mp4.Growth](s.services, s.keeper)
	}
	return err
}

// startRetention starts the task of retention if the configuration limits the recordings.
func (s *Server) startRetention() {
	if policy := retentionPolicy(s.cfg); policy.Active() {
		s.stopRetention = s.tasks.Go("retention", s.keeper.Run)
	}
}

// retentionPolicy converts the configuration to a policy of package retention.
func retentionPolicy(cfg *configs.Config) retention.Policy {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	r := cfg.Retention
	p := retention.Policy{
		DiskMaxPercent: cfg.MP4.DiskMaxPercent, MassExpiry: retention.MassExpiry(r.MassExpiry), Streams: map[string]retention.StreamPolicy{},
		Limits: retention.Limits{
			Expire: days(cfg.MP4.ExpireDays), MaxBytes: int64(r.MaxBytes), MinFreeBytes: int64(r.MinFreeBytes), KeepAtLeast: r.KeepAtLeast.D(),
		},
	}
	for path, s := range cfg.Streams {
		own := retention.StreamPolicy{Priority: s.Priority, Limits: retention.Limits{
			Expire: days(s.Retention.ExpireDays), MaxBytes: int64(s.Retention.MaxBytes),
			MinFreeBytes: int64(s.Retention.MinFreeBytes), KeepAtLeast: s.Retention.KeepAtLeast.D(),
		}}
		if own != (retention.StreamPolicy{}) {
			p.Streams[string(path)] = own
		}
	}
	return p
}

// RetentionPlan returns the files that a recorder with this configuration would delete next, and the
// reasons. It deletes nothing. A recorder may run on the record directory at the same time.
func RetentionPlan(ctx context.Context, cfg *configs.Config, clock pipeline.Clock) (*retained.Plan, error) {
	dir, err := filepath.Abs(cfg.MP4.RecordPath)
	if err != nil {
		return nil, err
	}
	var finished atomic.Bool
	finished.Store(true)
	keeper, err := retention.New(retentionPolicy(cfg), retention.Deps{Dir: dir, Read: fileReader(cfg, &finished), Clock: clock})
	if err != nil {
		return nil, err
	}
	plan, err := keeper.Plan(ctx)
	return plan, errors.Join(err, keeper.Close())
}

// fileReader returns the functions by which retention reads the files of the record directory. While
// recovered is false, every unfinished file counts as being written.
func fileReader(cfg *configs.Config, recovered *atomic.Bool) retention.Reader {
	return retention.Reader{
		Identity:  disk.IdentityFile,
		Entry:     mp4.ReadEntry,
		Writing:   func(path string) bool { return !recovered.Load() || disk.InUse(path) },
		Temporary: func(name string) bool { return strings.HasPrefix(name, disk.IdentityFile+".") },
		Event: func(r media.Recording) bool {
			return len(r.Events) > 0 || r.EndReason == endcause.Event || cfg.Pipelines[configs.PipelineName(r.Pipeline)].Record == string(pipeline.ModeEvent)
		},
	}
}

// deleter deletes files and their rows for retention; it implements retention.Store.
type deleter struct {
	footage *footage.Store
	server  *Server
}

// Remove deletes a file. It returns retention.ErrKept if a client is reading the file, or if package
// footage keeps it, for example because it has been protected since.
func (d deleter) Remove(ctx context.Context, it *retention.Item) error {
	release, ok := d.server.http.Claim(it.Path)
	if !ok {
		return retention.ErrKept
	}
	defer release()
	err := d.footage.Evict(ctx, media.DeletedFile{ID: it.ID, Path: it.Path}, it.Kind == retention.Orphan)
	if errors.Is(err, footage.ErrKept) {
		return retention.ErrKept
	}
	return err
}

// Forget deletes the rows of deleted files; see retention.Store.
func (d deleter) Forget(ctx context.Context, items []*retention.Item) error {
	var gone []media.DeletedFile
	for _, it := range items {
		if it.ID != (media.ID{}) {
			gone = append(gone, media.DeletedFile{ID: it.ID, Path: it.Path})
		}
	}
	return d.footage.Forget(ctx, gone)
}

// stopper stops and starts recordings for retention; it implements retention.Recordings. Retention stops the
// least important recordings if it may delete nothing to free space.
type stopper struct{ recorder *recorder.Recorder }

// Recording lists the streams that a pipeline of mode manual or always is writing to a file now.
func (r stopper) Recording() (streams []string) {
	for _, j := range r.recorder.Jobs() {
		if j.Mode != pipeline.ModeEvent && j.Report.Recording {
			streams = append(streams, j.Stream)
		}
	}
	return slices.Compact(streams)
}

// Stop stops the recordings of a stream; its files end with the reason endcause.NoRoom.
func (r stopper) Stop(ctx context.Context, stream string) error {
	_, err := r.recorder.StopFor(ctx, stream, endcause.NoRoom)
	return err
}

// Start starts the recordings of a stream again that Stop has stopped. A stream without a publisher is
// armed: its recording begins when a publisher comes.
func (r stopper) Start(stream string) error {
	_, err := r.recorder.Start(stream, recorder.StartOptions{Wait: true})
	return err
}
