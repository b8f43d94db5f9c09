package server

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/retention"
)

// openRetention makes the keeper of a record directory. It is run when recovery
// is done: what a crash left is finished, and not swept.
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

// startRetention keeps to the policy where there is one.
func (s *Server) startRetention() {
	if policy := retentionPolicy(s.cfg); policy.Active() {
		s.stopRetention = s.tasks.Go("retention", s.keeper.Run)
	}
}

// retentionPolicy is the configuration as retention wants it.
func retentionPolicy(cfg *configs.Config) retention.Policy {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	r := cfg.Retention
	p := retention.Policy{
		DiskMaxPercent: cfg.MP4.DiskMaxPercent, MassExpiry: retention.MassExpiry(r.MassExpiry), Streams: map[string]retention.StreamPolicy{},
		Limits: retention.Limits{
			Expire: days(cfg.MP4.ExpireDays), MaxBytes: int64(r.MaxBytes), MinFree: int64(r.MinFreeBytes), KeepAtLeast: r.KeepAtLeast.D(),
		},
	}
	for path, s := range cfg.Streams {
		own := retention.StreamPolicy{Priority: s.Priority, Limits: retention.Limits{
			Expire: days(s.Retention.ExpireDays), MaxBytes: int64(s.Retention.MaxBytes),
			MinFree: int64(s.Retention.MinFreeBytes), KeepAtLeast: s.Retention.KeepAtLeast.D(),
		}}
		if own != (retention.StreamPolicy{}) {
			p.Streams[string(path)] = own
		}
	}
	return p
}

// RetentionPlan returns what a recorder with this configuration would delete next, and
// why, and deletes nothing. A recorder may run on the directory.
func RetentionPlan(ctx context.Context, cfg *configs.Config, clock pipeline.Clock) (*retention.Plan, error) {
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

// fileReader reads what files say about themselves. Until recovery is done, every file
// that is not finished is in use.
func fileReader(cfg *configs.Config, recovered *atomic.Bool) retention.Reader {
	return retention.Reader{
		Identity:  disk.IdentityFile,
		Entry:     mp4.ReadEntry,
		Writing:   func(path string) bool { return !recovered.Load() || disk.InUse(path) },
		Temporary: func(name string) bool { return strings.HasPrefix(name, disk.IdentityFile+".") },
		Event: func(r media.Recording) bool {
			return len(r.Events) > 0 || r.EndReason == endcause.Event || cfg.Pipelines[configs.PipelineName(r.Pipeline)].Record == string(pipeline.Event)
		},
	}
}

// deleter deletes for retention what nobody fetches.
type deleter struct {
	footage *footage.Store
	server  *Server
}

// Remove asks those who may want to keep the file.
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

func (d deleter) Forget(ctx context.Context, items []*retention.Item) error {
	var gone []media.DeletedFile
	for _, it := range items {
		if it.ID != (media.ID{}) {
			gone = append(gone, media.DeletedFile{ID: it.ID, Path: it.Path})
		}
	}
	return d.footage.Forget(ctx, gone)
}

// stopper stops recordings for which there is no room, and starts them again.
type stopper struct{ recorder *recorder.Recorder }

// Recording lists what takes room: a stream that waits does not.
func (r stopper) Recording() (streams []string) {
	for _, j := range r.recorder.Jobs() {
		if j.Mode != pipeline.Event && j.Report.Recording {
			streams = append(streams, j.Stream)
		}
	}
	return slices.Compact(streams)
}

func (r stopper) Stop(ctx context.Context, stream string) error {
	_, err := r.recorder.StopFor(ctx, stream, endcause.NoRoom)
	return err
}

func (r stopper) Start(stream string) error {
	_, err := r.recorder.Start(stream, recorder.StartOptions{Wait: true})
	return err
}

// planner is the keeper as the API wants it.
type planner struct{ keeper *retention.Keeper }

// Plan looks at the disk anew.
func (f planner) Plan(ctx context.Context) (api.RetentionPlan, error) {
	p, err := f.keeper.Plan(ctx)
	if err != nil {
		return api.RetentionPlan{}, err
	}
	out := api.RetentionPlan{
		Active: p.Active, Total: p.Space.Total, Used: p.Space.Used(), High: p.High, Low: p.Low,
		Bytes: p.Bytes, BytesPerDay: p.BytesPerDay, FullAt: p.FullAt, LastError: p.LastError,
		Now: evicted(p.Now), Next: evicted(p.Next), Waiting: evicted(p.Waiting), Held: held(p.Held),
		Clock: p.Clock,
	}
	for _, class := range slices.Sorted(maps.Keys(p.Kept)) {
		out.Kept = append(out.Kept, api.KeptFiles{Reason: string(class), Files: p.Kept[class].Files, Bytes: p.Kept[class].Bytes})
	}
	for _, s := range p.Streams {
		out.Streams = append(out.Streams, api.KeptStream{
			Stream: s.Stream, Priority: s.Priority, Files: s.Count.Files, Bytes: s.Count.Bytes, ProtectedBytes: s.Protected.Bytes,
			Oldest: s.Oldest, Newest: s.Newest, Keeps: s.Keeps, BytesPerDay: s.BytesPerDay,
		})
	}
	for _, stream := range slices.Sorted(maps.Keys(p.Stopped)) {
		out.Stopped = append(out.Stopped, api.StoppedStream{Stream: stream, Since: p.Stopped[stream]})
	}
	return out, nil
}

// Confirm is an operator's word on what waits.
func (f planner) Confirm() (*api.Held, error) {
	h, err := f.keeper.Confirm()
	if errors.Is(err, retention.ErrNothingHeld) || errors.Is(err, pipeline.ErrClockWrong) {
		return nil, api.Conflict("%s", err)
	}
	return held(h), err
}

func held(h *retention.Held) *api.Held {
	if h == nil {
		return nil
	}
	return &api.Held{
		Cause: string(h.Cause), Why: h.Why, Files: h.Count.Files, Bytes: h.Count.Bytes,
		Oldest: h.Oldest, Newest: h.Newest, Clock: h.Clock, Since: h.Since, Until: h.Until,
	}
}

func evicted(list []retention.Eviction) []api.Eviction {
	out := make([]api.Eviction, len(list))
	for i, e := range list {
		out[i] = api.Eviction{ID: e.ID, File: e.Path, Stream: e.Stream, Size: e.Size, Class: string(e.Class), Cause: e.Cause}
		if e.StartUTC != 0 {
			out[i].Start = time.Unix(0, e.StartUTC)
		}
	}
	return out
}
