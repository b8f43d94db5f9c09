package mp4

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/filename"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

const stageDoc = "writes each segment to an MP4 file that plays while it grows and survives a crash; announces the file when it exists and when it is finished"

func init() {
	pipeline.RegisterTransform("mp4", Defaults(), stageDoc,
		func(set pipeline.Settings, cfg Config) (pipeline.Transform[media.Part, media.Recording], error) {
			return New(set, cfg)
		}, pipeline.MakesFiles)
}

// Muxer is the stage mp4: it writes the parts of segments to files and emits their recordings.
// Its methods must not be called concurrently, except for Report.
type Muxer struct {
	cfg     Config
	dir     string // absolute path of the record directory
	log     *slog.Logger
	clock   pipeline.Clock
	pattern filename.Pattern
	loc     *time.Location
	openFS  func(dir string) (disk.FS, error)
	modes   disk.Modes
	above   durable.FS                                       // the file system on which the record directory is created
	indexes func(fsys disk.FS, dir string) sampleindex.Store // returns the sample indexes of a record directory
	reserve func(*media.Segment, Config) int64               // bytes to reserve in a segment's file

	stage     string // the stage's name in the pipeline
	fs        disk.FS
	seg       *media.Segment // nil between segments
	file      *file          // nil before the segment's first chunk
	live      *atomic.Int64  // length of the open file in bytes, published to readers by disk.Register
	synced    time.Time      // time of the open file's last fdatasync, or of its creation
	counted   uint64         // dropped access units of the open file that stats includes
	announced bool           // the open file holds a chunk, and its recording was emitted
	path      string         // absolute path of the open file
	final     string         // final name of the open file below dir; empty before it is finished

	unsynced     bool   // sync: chunk: the newest chunk will be synced with the last chunk of its flush interval
	unsyncedSeq  uint64 // Seq of that chunk
	stats        stats
	timings      Timings
	growth       Growth
	onUnfinished OnUnfinished
	flush        FlushInterval // 0: the program did not provide it

	protection *media.Protection // limits of the bytes that events protect; nil: no limits
	warned     media.ID          // the event for which a reached limit of protection was logged last

	foldsCase    bool  // the file system ignores the case of names: see disk.AsOnDisk
	ranIntoBytes int64 // size in bytes at which a file could not grow further (EFBIG); 0: no file has had this error

	// The following fields serve outages: see outage.go.

	outage        *outage       // nil while the disk works
	waitsForDisk  bool          // mode event: the stage blocks during an outage, and chunks wait in gop_ring
	hasHadFile    bool          // a file of the segment has been announced
	events        []media.Event // events of the segment so far
	lastSteppedNS int64         // SteppedNS of the first chunk of the last file
	// owedNS is the duration of those gaps at the end of the last file that the Gap of the next
	// file reports instead of the last file. If the last file reports them itself, it is their
	// negative duration.
	owedNS int64
	// lastNS is the end of the media written so far: UTC less SteppedNS, like all times of an
	// outage. It is 0 before the first file.
	lastNS      int64
	interrupted *Interrupted
	key         interruptedKey // key of this pipeline and stream in interrupted
	trouble     OnTrouble
	mayRecord   MayRecord
	standalone  Standalone
}

// New builds the stage from its settings, and returns an error if they are invalid. It does no
// I/O.
func New(set pipeline.Settings, cfg Config) (*Muxer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Muxer{stage: set.Stage, cfg: cfg, dir: disk.Absolute(cfg.RecordPath), log: set.Log, clock: set.Clock, above: durable.Disk{}, indexes: indexesIn, reserve: reserveFor}
	m.openFS = func(dir string) (disk.FS, error) { return disk.OpenAs(dir, m.modes) }
	m.timings = pipeline.Optional[Timings](set, noTimings{})
	m.growth = pipeline.Optional[Growth](set, noGrowth{})
	m.onUnfinished = pipeline.Optional[OnUnfinished](set, func(string) {})
	m.trouble = pipeline.Optional[OnTrouble](set, func(error) {})
	m.mayRecord = pipeline.Optional[MayRecord](set, func(string) error { return nil })
	m.standalone = pipeline.Optional[Standalone](set, false)
	m.interrupted = pipeline.Optional[*Interrupted](set, nil)
	m.flush = pipeline.Optional[FlushInterval](set, 0)
	m.protection = pipeline.Optional[*media.Protection](set, nil)
	m.key = interruptedKey{set.Stream, set.Pipeline, m.dir, cfg.FilenamePattern}
	m.waitsForDisk = set.Mode == pipeline.ModeEvent
	m.pattern, _ = filename.Parse(cfg.FilenamePattern)
	m.loc, _ = cfg.location()
	return m, nil
}

// indexesIn returns the store of the sample indexes of the record directory dir. If fsys, its
// FS, has a method Own, the store uses the open directory, even if the path dir leads to another
// one now.
func indexesIn(fsys disk.FS, dir string) sampleindex.Store {
	if open, ok := fsys.(interface{ Own() filesystem.Own }); ok {
		return sampleindex.Of(open.Own())
	}
	return sampleindex.In(dir)
}

// Open opens the record directory and creates it if it does not exist. If the disk accepts no
// media, or another directory is in the place of the one that this process recorded to, Open
// begins an outage and returns nil; in mode event it returns the error.
func (m *Muxer) Open(context.Context) error {
	if was, ok := m.interrupted.pick(m.key); ok {
		m.lastNS, m.lastSteppedNS = was.at, was.steppedNS
		m.outage = &outage{cause: was.cause, since: m.clock.Now(), fromNS: was.at, earlier: true}
	}
	err := m.reopen()
	if kind, disk := disk.TroubleOf(err); disk && !m.waitsForDisk {
		m.stats.failed(err)
		m.noteOutage(kind, err)
		return nil
	}
	return err
}

// reopen closes the record directory, if it is open, and opens it again. It returns an error if
// MayRecord forbids the directory, if it cannot be created or opened, or if it is not the directory
// that this process recorded to (disk.Claim).
func (m *Muxer) reopen() error {
	if m.fs != nil {
		_ = m.fs.Close()
		m.fs = nil
	}
	if err := m.mayRecord(m.dir); err != nil {
		return fmt.Errorf("record_path: %w", err)
	}
	var err error
	if m.modes, err = disk.ParseModes(m.cfg.FileMode, m.cfg.DirMode, m.cfg.Group); err != nil {
		return err
	}
	if !disk.RecordedTo(m.dir) { // otherwise a missing directory is an unmounted disk: creating it would hide that
		if err := MakeRecordDir(m.above, m.dir, m.modes); err != nil {
			return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
		}
	}
	fsys, err := m.openFS(m.dir)
	if err != nil {
		return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
	}
	if err := m.standalone.claim(fsys, m.dir); err != nil {
		_ = fsys.Close()
		return fmt.Errorf("record_path: %w%s", err, disk.Advice(err))
	}
	m.fs, m.foldsCase = fsys, disk.FoldsCase(fsys)
	return nil
}

// MakeRecordDir creates a record directory and its parents on the file system above, durably, if
// they do not exist. A new record directory gets the mode and the group of modes, and its new
// parents the mode.
func MakeRecordDir(above durable.FS, dir string, modes disk.Modes) error {
	_, there := above.Stat(dir)
	if err := durable.MkdirAll(above, dir, modes.Dir); err != nil || there == nil || modes.Group < 0 {
		return err
	}
	return modes.GiveDir(dir)
}

// Process writes one part of a segment. It takes over the part's reference on its chunk, and
// emits a recording when a file has its first chunk, when its events change, and when it is
// finished.
func (m *Muxer) Process(ctx context.Context, p media.Part, emit pipeline.Emit[media.Recording]) error {
	defer p.Release()
	if p.First {
		if err := m.end(endcause.Error, emit); err != nil { // the previous segment may have had no last part
			return err
		}
		m.seg, m.hasHadFile, m.events = p.Segment, false, p.Segment.Events
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
		if m.file != nil {
			m.file.gapBehind = p.Gap
		}
		return m.end(p.End, emit)
	}
	return nil
}

// process writes a chunk of media. A chunk without access units writes nothing, but may be the
// last one of a flush interval, with which the preceding chunks are synced.
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

// end ends the segment and finishes its file. A disk error begins an outage and leaves the file
// to recovery; end returns only other errors.
func (m *Muxer) end(reason media.Cause, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	behind := f != nil && f.gapBehind
	err := m.finish(reason, emit)
	if f != nil {
		m.owedNS = 0
	}
	if behind {
		m.owedNS = f.reportedLaterNS()
	}
	if kind, disk := disk.TroubleOf(err); disk {
		m.noteOutage(kind, err)
		err = nil
	}
	m.endSegmentInOutage()
	m.seg = nil
	return err
}

// Flush finishes the open file at the end of the run, if the segment's last part did not arrive.
// If the end reason is endcause.NoRoom, Flush stores an interruption: the first gap of the next
// run then begins at the end of the media (Interrupted).
func (m *Muxer) Flush(ctx context.Context, emit pipeline.Emit[media.Recording]) error {
	reason := media.Cause(pipeline.EndReason(ctx))
	err := m.finish(reason, emit)
	switch {
	case m.waitsForDisk || !resumes(reason):
		m.lastNS = 0
	case reason == endcause.NoRoom:
		m.interrupted.leave(m.key, interruption{m.lastNS, m.lastSteppedNS, media.GapDiskFull})
		m.lastNS = 0
	}
	return err
}

// Close closes the record directory and an unfinished file, which it does not change: the file
// is playable up to its last whole chunk, and recovery finishes it. During an outage Close drops
// the held chunks and stores an interruption: the first gap of the next run then begins at the
// end of the media (Interrupted).
func (m *Muxer) Close() error {
	m.drop()
	if m.outage != nil {
		m.dropHeld(len(m.outage.held))
		m.interrupted.leave(m.key, interruption{m.lastNS, m.lastSteppedNS, m.outage.cause})
		m.outage = nil
		m.stats.problem.Store(nil)
	}
	if m.fs == nil {
		return nil
	}
	err := m.fs.Close()
	m.fs = nil
	return err
}

// write appends a chunk to the open file. It begins a file if none is open. If the open file
// could exceed its largest permitted size (file.full) with the GOP that the chunk begins, write
// finishes it and begins another file. It does not release the chunk.
func (m *Muxer) write(c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	if m.seg == nil {
		return errors.New("a chunk came outside of a segment: the stage before mp4 must begin one with First")
	}
	if m.file != nil && c.StartsGOP && m.announced && m.file.full() {
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
	before, units, began := f.sizeBytes, f.units, m.clock.Now()
	if err := f.write(c); err != nil {
		return err
	}
	m.timings.Wrote(m.clock.Now().Sub(began))
	m.grew()
	if err := m.syncByPolicy(c); err != nil {
		return err
	}
	if !m.announced {
		m.stats.began(m.seg, f, before)
	}
	m.stats.wrote(f, f.sizeBytes-before, f.units-units)
	m.stats.droppedUnits.Add(f.dropped - m.counted)
	m.counted = f.dropped
	if !f.noSync { // without syncs the kernel manages the page cache
		f.cache.Ease(f.f, f.sizeBytes)
	}
	m.lastNS, m.lastSteppedNS = f.written(), f.startSteppedNS
	if m.announced {
		return nil
	}
	return m.announce(emit)
}
