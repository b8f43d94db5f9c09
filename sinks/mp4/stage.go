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
	modes   disk.Modes
	above   durable.FS                                       // that the record directory is made on
	indexes func(fsys disk.FS, dir string) sampleindex.Store // the sample indexes of a record directory
	reserve func(*media.Segment, Config) int64               // bytes

	stage   string // its name in the pipeline
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
	stats        stats
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
	owed        int64 // ns, of the holes in the last file that the gap before the next one alone tells; less than 0: the file tells them after all
	last        int64 // ns UTC less Stepped, as all times of an outage: end of what is in a file; 0 before the first
	interrupted *Interrupted
	key         interruptedKey
	trouble     OnTrouble
	may         MayRecord
}

// New builds the stage. It does no I/O.
func New(set pipeline.Settings, cfg Config) (*Muxer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Muxer{stage: set.Stage, cfg: cfg, dir: disk.Absolute(cfg.RecordPath), log: set.Log, clock: set.Clock, above: durable.Disk{}, indexes: indexesIn, reserve: reserveFor}
	m.openFS = func(dir string) (disk.FS, error) { return disk.OpenAs(dir, m.modes) }
	m.timings = pipeline.Optional[Timings](set, untimed{})
	m.growth = pipeline.Optional[Growth](set, unmeasured{})
	m.onUnfinished = pipeline.Optional[OnUnfinished](set, func(string) {})
	m.trouble = pipeline.Optional[OnTrouble](set, func(error) {})
	m.may = pipeline.Optional[MayRecord](set, func(string) error { return nil })
	m.interrupted = pipeline.Optional[*Interrupted](set, nil)
	m.flush = pipeline.Optional[FlushInterval](set, 0)
	m.protection = pipeline.Optional[*media.Protection](set, nil)
	m.key = interruptedKey{set.Stream, set.Pipeline, m.dir, cfg.FilenamePattern}
	m.patient = set.Mode == pipeline.Event
	m.pattern, _ = filename.Parse(cfg.FilenamePattern)
	m.loc, _ = cfg.location()
	return m, nil
}

// indexesIn are the sample indexes of a record directory that is open.
func indexesIn(fsys disk.FS, dir string) sampleindex.Store {
	if open, ok := fsys.(interface{ Own() filesystem.Own }); ok {
		return sampleindex.Of(open.Own())
	}
	return sampleindex.In(dir)
}

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
		m.stats.failed(err)
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
	if err := m.may(m.dir); err != nil {
		return fmt.Errorf("record_path: %w", err)
	}
	var err error
	if m.modes, err = disk.ParseModes(m.cfg.FileMode, m.cfg.DirMode, m.cfg.Group); err != nil {
		return err
	}
	if !disk.RecordedTo(m.dir) { // else it is to be mounted, and not made
		if err := MakeRecordDir(m.above, m.dir, m.modes); err != nil {
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

// MakeRecordDir makes a record directory where there is none, and those above it.
func MakeRecordDir(above durable.FS, dir string, modes disk.Modes) error {
	_, there := above.Stat(dir)
	if err := durable.MkdirAll(above, dir, modes.Dir); err != nil || there == nil || modes.Group < 0 {
		return err
	}
	return modes.GiveDir(dir)
}

// Process takes one part of a segment.
func (m *Muxer) Process(ctx context.Context, p media.Part, emit pipeline.Emit[media.Recording]) error {
	defer p.Release()
	if p.First {
		if err := m.end(endcause.Error, emit); err != nil { // a segment whose end never came
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
		if m.file != nil {
			m.file.gapBehind = p.Gap
		}
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
	f := m.file
	behind := f != nil && f.gapBehind
	err := m.finish(reason, emit)
	if f != nil {
		m.owed = 0
	}
	if behind {
		m.owed = f.foretold()
	}
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
	case reason == endcause.NoRoom:
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
		m.stats.problem.Store(nil)
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
		m.stats.began(m.seg, f, before)
	}
	m.stats.wrote(f, f.size-before, f.units-units)
	m.stats.droppedUnits.Add(f.dropped - m.counted)
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
