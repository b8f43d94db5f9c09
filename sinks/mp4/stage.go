package mp4

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/filename"
)

const stageDoc = "writes each segment to an MP4 file that plays while it grows and survives a crash; tells of the file when it exists and when it is finished"

func init() {
	pipeline.RegisterTransform("mp4", Defaults(), stageDoc,
		func(set pipeline.Settings, cfg Config) (pipeline.Transform[media.Part, media.Recording], error) {
			return New(set, cfg)
		}, pipeline.MakesFiles)
}

// Muxer is the stage. Its methods but Report are for one goroutine.
type Muxer struct {
	cfg     Config
	dir     string // absolute
	log     *slog.Logger
	clock   pipeline.Clock
	pattern filename.Pattern
	loc     *time.Location
	openFS  func(dir string) (disk.FS, error)
	above   durable.FS                         // that the record directory is made on
	reserve func(*media.Segment, Config) int64 // bytes

	fs      disk.FS
	seg     *media.Segment // nil between segments
	file    *file          // nil before the segment's first chunk
	live    *atomic.Int64
	synced  time.Time // last fdatasync
	counted uint64    // drops of the open file that are in the report
	told    bool      // of the open file: it holds a chunk
	path    string    // of the open file, absolute
	final   string    // its name when it is finished; empty before

	unsynced     bool // sync: chunk; the newest chunk waits for those that end its flush interval
	truth        truth
	timings      Timings
	growth       Growth
	onUnfinished OnUnfinished
	flush        FlushInterval // 0: not known

	protection *media.Protection
	warned     media.ID // an event of which it was said that it protects no more

	foldsCase bool  // of the file system: see asOnDisk
	ranInto   int64 // bytes at which a file could get no longer; 0: none did

	// See outage.go.
	out         *outage // nil while the disk works
	patient     bool    // what comes waits in the ring, and is not dropped
	used        bool    // the segment has had a file
	events      []media.Event
	lastStepped int64 // ns, Chunk.Stepped of the last file's first chunk
	last        int64 // ns UTC less Stepped, as all times of an outage: end of what is in a file; 0 before the first
	interrupted *Interrupted
	key         interruptedKey
	trouble     OnTrouble
}

// New builds the stage. It does no I/O.
func New(set pipeline.Settings, cfg Config) (*Muxer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Muxer{cfg: cfg, dir: disk.Absolute(cfg.RecordPath), log: set.Log, clock: set.Clock, openFS: openFS, above: durable.Disk{}, reserve: reserveFor}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.clock == nil {
		m.clock = pipeline.SystemClock
	}
	m.timings = pipeline.Optional[Timings](set, untimed{})
	m.growth = pipeline.Optional[Growth](set, unmeasured{})
	m.onUnfinished = pipeline.Optional[OnUnfinished](set, func(string) {})
	m.trouble = pipeline.Optional[OnTrouble](set, func(error) {})
	m.interrupted = pipeline.Optional[*Interrupted](set, nil)
	m.flush = pipeline.Optional[FlushInterval](set, 0)
	m.protection = pipeline.Optional[*media.Protection](set, nil)
	m.key = interruptedKey{set.Stream, set.Pipeline, m.dir, cfg.FilenamePattern}
	m.patient = set.Mode == pipeline.Event
	m.pattern, _ = filename.Parse(cfg.FilenamePattern)
	m.loc, _ = cfg.location()
	return m, nil
}

func openFS(dir string) (disk.FS, error) { return disk.Open(dir) }

// Open makes the record directory where there was none, and refuses one that
// was swapped since this process first recorded to it. A disk that takes nothing
// is no reason not to begin: see outage.
func (m *Muxer) Open(context.Context) error {
	if was, ok := m.interrupted.pick(m.key); ok {
		m.last, m.lastStepped = was.at, was.stepped
		m.out = &outage{cause: was.cause, since: m.clock.Now(), from: was.at, earlier: true}
	}
	err := m.reopen()
	if kind, disk := disk.TroubleOf(err); disk && !m.patient {
		m.truth.failed(err)
		m.disrupted(kind, err)
		return nil
	}
	return err
}

// reopen opens the record directory, in place of the one that is open.
func (m *Muxer) reopen() error {
	if m.fs != nil {
		_ = m.fs.Close()
		m.fs = nil
	}
	if !disk.RecordedTo(m.dir) { // else it is to be mounted, and not made
		if err := durable.MkdirAll(m.above, m.dir, 0o755); err != nil {
			return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
		}
	}
	fsys, err := m.openFS(m.dir)
	if err != nil {
		return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
	}
	if err := disk.Claim(fsys, m.dir); err != nil {
		_ = fsys.Close()
		return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
	}
	m.fs, m.foldsCase = fsys, disk.FoldsCase(fsys)
	return nil
}

// Process takes one part of a segment.
func (m *Muxer) Process(ctx context.Context, p media.Part, emit pipeline.Emit[media.Recording]) error {
	defer p.Release()
	if p.First {
		if err := m.end(media.EndError, emit); err != nil { // a segment whose end never came
			return err
		}
		m.seg, m.used, m.events = p.Segment, false, p.Segment.Events
	}
	if p.Chunk != nil && p.Chunk.Mark == nil {
		if err := m.process(ctx, p.Chunk, emit); err != nil {
			return err
		}
	}
	if p.Event != nil {
		m.events = media.JoinOpen(m.events, *p.Event)
		if err := m.note(*p.Event, emit); err != nil {
			if err = m.failed(err, emit); err != nil {
				return err
			}
		}
	}
	if p.End != "" {
		return m.end(p.End, emit)
	}
	return nil
}

// process takes a chunk of media. One that holds nothing of these tracks may still end
// the flush interval of those that do.
func (m *Muxer) process(ctx context.Context, c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	if c.AccessUnits() > 0 {
		return m.take(ctx, c, emit)
	}
	if m.file == nil || !m.unsynced {
		return nil
	}
	if err := m.syncByPolicy(c); err != nil {
		return m.failed(err, emit)
	}
	return nil
}

// end ends the segment. An error of the disk leaves its file to recovery.
func (m *Muxer) end(reason media.Cause, emit pipeline.Emit[media.Recording]) error {
	err := m.finish(reason, emit)
	if kind, disk := disk.TroubleOf(err); disk {
		m.disrupted(kind, err)
		err = nil
	}
	m.cutOff()
	m.seg = nil
	return err
}

// Flush finishes a file whose segment had no end.
func (m *Muxer) Flush(ctx context.Context, emit pipeline.Emit[media.Recording]) error {
	reason := media.Cause(pipeline.EndReason(ctx))
	err := m.finish(reason, emit)
	switch {
	case m.patient || !resumes(reason):
		m.last = 0
	case reason == media.EndNoRoom:
		m.interrupted.leave(m.key, interruption{m.last, m.lastStepped, media.GapDiskFull})
		m.last = 0
	}
	return err
}

// Close lets go of an unfinished file and leaves it as it is: it plays up to its
// last whole chunk, and recovery finishes it.
func (m *Muxer) Close() error {
	m.drop()
	if m.out != nil {
		m.letGo(len(m.out.held))
		m.interrupted.leave(m.key, interruption{m.last, m.lastStepped, m.out.cause})
		m.out = nil
		m.truth.problem.Store(nil)
	}
	if m.fs == nil {
		return nil
	}
	err := m.fs.Close()
	m.fs = nil
	return err
}

// write appends a chunk, to a new file where it is the segment's first.
func (m *Muxer) write(c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	if m.seg == nil {
		return errors.New("a chunk came outside of a segment: the stage before mp4 must begin one with First")
	}
	if m.file != nil && c.StartsGOP && m.told && m.file.full() {
		if err := m.cutFull(c, emit); err != nil {
			return err
		}
	}
	if m.file == nil {
		if err := m.begin(c); err != nil {
			return err
		}
	}
	f := m.file
	before, units, began := f.size, f.units, m.clock.Now()
	if err := f.write(c); err != nil {
		return err
	}
	m.timings.Wrote(m.clock.Now().Sub(began))
	m.grew()
	if err := m.syncByPolicy(c); err != nil {
		return err
	}
	if !m.told {
		m.truth.began(m.seg, f, before)
	}
	m.truth.wrote(f, f.size-before, f.units-units)
	m.truth.droppedUnits.Add(f.dropped - m.counted)
	m.counted = f.dropped
	if !f.noSync { // one that is not synced is left to the kernel
		f.cache.Ease(f.f, f.size)
	}
	m.last, m.lastStepped = f.written(), f.startStep
	if m.told {
		return nil
	}
	return m.tell(emit)
}

// tell tells of the open file once it holds a chunk: one in which nothing can be
// written is removed again, and leaves nothing to be taken back.
func (m *Muxer) tell(emit pipeline.Emit[media.Recording]) error {
	f := m.file
	r, err := m.recording(f.name)
	if err != nil {
		return err
	}
	r.Beyond, f.beyond = f.beyond, nil
	m.unnamed(len(r.Beyond))
	m.told, m.used = true, true
	m.log.Info("recording begins", "file", m.shown(f.name), "start", at(r.StartUTC).UTC())
	return emit(r)
}

// grew tells how long the open file is.
func (m *Muxer) grew() {
	m.live.Store(m.file.size)
	m.growth.Grew(m.path, m.file.entry.identity.Stream, m.file.size)
}

// note puts an event into the open file, and tells of it.
func (m *Muxer) note(ev media.Event, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	if f == nil { // the segment's first chunk held nothing: there is nothing of the event either
		return nil
	}
	named, err := f.note(ev, f.entry.protected || m.protect(f, ev))
	if err != nil {
		return err
	}
	r, err := m.recording(f.name)
	if err != nil {
		return err
	}
	if !named {
		r.Beyond = []media.Event{ev}
		m.unnamed(1)
	}
	return emit(r)
}

// unnamed counts events that the file has no room to name; the first is mentioned.
func (m *Muxer) unnamed(n int) {
	if n > 0 && m.truth.unnamed.Add(uint64(n)) == uint64(n) {
		m.log.Warn("a file has as many events as it can name: those beyond are in the catalogue alone, and counted", "file", m.shown(m.file.name), "events", media.MaxEvents)
	}
}

// syncByPolicy is called behind each chunk. One that was cut for its size alone is
// synced with those behind it that end its flush interval.
func (m *Muxer) syncByPolicy(c *media.Chunk) error {
	switch m.cfg.Sync {
	case syncChunk:
		if m.unsynced = c.More; m.unsynced {
			return nil
		}
	case syncInterval:
		if m.clock.Now().Sub(m.synced) < m.cfg.SyncInterval.D() {
			return nil
		}
	default:
		return nil
	}
	began := m.clock.Now()
	if err := m.file.datasync(); err != nil {
		return err
	}
	m.synced = m.clock.Now()
	m.timings.Synced(m.synced.Sub(began))
	m.truth.durable.Store(m.file.written())
	return nil
}

// begin makes the file of a segment.
func (m *Muxer) begin(first *media.Chunk) error {
	if m.fs == nil {
		if err := m.reopen(); err != nil {
			return err
		}
	}
	if err := disk.StillThere(m.fs, m.dir); err != nil {
		return fmt.Errorf("%w%s", err, disk.Advice(err))
	}
	f, err := newFile(m.seg, first, m.cfg.Fragment, int64(m.cfg.FragmentDuration))
	if err != nil {
		return err
	}
	f.entry.identity.FlushNS = int64(m.flush)
	f.noSync = m.cfg.Sync == syncNone
	f.entry.protected = f.entry.protected && m.protect(f, m.seg.Events...)
	if err := m.create(f); err != nil {
		return err
	}
	m.file, m.synced, m.counted, m.told, m.unsynced = f, m.clock.Now(), 0, false, false
	if err := f.writeHeader(m.reserve(m.seg, m.cfg)); err != nil {
		return err
	}
	f.most, f.gopAt = m.maxBytes(f), f.size
	if !f.noSync {
		if err := m.fs.SyncDir(path.Dir(f.name)); err != nil {
			return f.fail("fsync directory", 0, err)
		}
	}
	m.grew()
	return nil
}

// recording is what is told of the open file.
func (m *Muxer) recording(name string) (media.Recording, error) {
	r, err := m.file.entry.recording(name, m.file.size)
	r.Directory = disk.Claimed(m.dir)
	return r, err
}

// shown is a file's path as the one who configured the directory would write it.
func (m *Muxer) shown(name string) string {
	return filepath.Join(m.cfg.RecordPath, filepath.FromSlash(name))
}

// drop closes the open file as it is.
func (m *Muxer) drop() {
	if m.file == nil {
		return
	}
	if err := m.file.f.Close(); err != nil {
		m.log.Warn("closing a recording failed", "file", m.file.name, "error", err)
	}
	disk.Unregister(m.path)
	if m.final != "" {
		m.growth.Closed(m.path, filepath.Join(m.dir, m.final))
	} else {
		m.growth.Closed(m.path, m.path)
		if m.told {
			m.onUnfinished(m.path)
		}
	}
	m.file, m.live, m.path, m.final = nil, nil, "", ""
	m.truth.recording.Store(false)
}
