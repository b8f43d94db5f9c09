package mp4

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// outage describes a time in which the disk accepts no media: it is full, failed, read-only or
// unmounted, or the process can open no more files.
//
// An outage does not end the run. The stage finishes the open file, holds the chunks of the
// newest GOP, and counts and drops older ones. About once a second it tries to begin a new file
// with the held chunks. So the stream stays connected, and when the disk works again no backlog
// fills it at once. In mode event the stage blocks as soon as it holds the first chunk of a GOP,
// because the clip of an event is short and cannot be recorded again. The later chunks then wait in
// gop_ring, which drops those that exceed its size.
type outage struct {
	cause   media.Cause  // cause of the gap: the trouble that began the outage
	now     disk.Trouble // trouble at the last try
	since   time.Time
	tried   time.Time // time of the last try to begin a file
	fromNS  int64     // end of the media in the last file, UTC less SteppedNS; 0 if unknown
	earlier bool      // the outage began in an earlier run
	firstNS int64     // start of the first unwritten chunk, UTC less SteppedNS; 0: none yet
	lost    int       // number of dropped chunks

	held      []*media.Chunk // chunks with which the next file will begin, a reference each
	heldBytes int
}

const (
	tryEvery     = 900 * time.Millisecond // less than a second, so that chunks of a second make one try each
	maxHeldBytes = 32 << 20               // limit of heldBytes: a longer GOP is dropped
)

// take writes a chunk. During an outage it holds the chunk instead, and tries to begin a file
// with the held chunks. In mode event it then blocks while the stage holds chunks, until the
// outage or the run ends.
func (m *Muxer) take(ctx context.Context, c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	if m.outage == nil {
		if err := m.put(c, emit); err != nil {
			return err
		}
	} else {
		m.hold(c)
		if err := m.retry(emit); err != nil {
			return err
		}
	}
	if m.waitsForDisk {
		return m.wait(ctx, emit)
	}
	return nil
}

// put writes a chunk. If the disk does not accept the chunk, an outage begins and put holds the
// chunk. A chunk whose sync failed is in its file and not held: recovery will show whether it
// reached the disk.
func (m *Muxer) put(c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	err := m.write(c, emit)
	if err == nil {
		return nil
	}
	inFile := m.announced && m.file != nil && m.file.syncFail != nil
	if err := m.failed(err, emit); err != nil {
		return err
	}
	if !inFile {
		m.hold(c)
	}
	return nil
}

// wait tries to write the chunks that the stage holds in an outage, once every tryEvery. It
// returns nil when they are written, or when the run ends with a drain; the cause of ctx if the
// run is aborted; and any error that the disk did not cause.
func (m *Muxer) wait(ctx context.Context, emit pipeline.Emit[media.Recording]) error {
	for m.outage != nil && len(m.outage.held) > 0 {
		timer, stop := m.clock.After(tryEvery)
		select {
		case <-timer:
		case <-pipeline.Ending(ctx):
			stop()
			return nil
		case <-ctx.Done():
			stop()
			return context.Cause(ctx)
		}
		if err := m.retry(emit); err != nil {
			return err
		}
	}
	return nil
}

// failed handles err, an error of an operation on the open file, and closes the file by salvage.
// If the disk caused err, failed begins or continues an outage and returns nil. Otherwise it
// returns err, which ends the run.
func (m *Muxer) failed(err error, emit pipeline.Emit[media.Recording]) error {
	m.stats.failed(err)
	kind, ofDisk := disk.TroubleOf(err)
	size := int64(0)
	if m.announced && m.file != nil {
		size = m.file.sizeBytes
	}
	if serr := m.salvage(emit); serr != nil {
		if _, ok := disk.TroubleOf(serr); !ok {
			return serr
		}
		m.log.Error("a file could not be finished; it is left for recovery", "error", serr)
	}
	if !ofDisk {
		return err
	}
	m.noteOutage(kind, err)
	m.hitLimit(err, size)
	return nil
}

// noteOutage begins an outage after the disk error err, or continues the present one. kind is
// the class of the error. noteOutage reports the outage to the log, to Report and to OnTrouble.
func (m *Muxer) noteOutage(kind disk.Trouble, err error) {
	now := m.clock.Now()
	if m.outage == nil {
		m.outage = &outage{cause: kind.Cause, since: now, fromNS: m.lastNS}
		if m.waitsForDisk && !m.hasHadFile { // media between two events was not to be recorded
			m.outage.fromNS = 0
		}
	}
	o := m.outage
	if o.now.Problem != kind.Problem {
		m.log.Error("recording failed", "error", err, "again_in", tryEvery)
	}
	o.tried, o.now = now, kind
	m.stats.problem.Store(&pipeline.Problem{
		Problem: kind.Problem, Since: o.since, Cause: err.Error(), Remedy: kind.Remedy, Failing: true,
	})
	m.trouble(err)
}

// hold retains a chunk during an outage, so that the next file can begin with it. It retains
// only a chunk that begins a GOP, or that follows a held chunk, and drops any other. If the held
// chunks would exceed maxHeldBytes with the chunk, it first drops all of them.
func (m *Muxer) hold(c *media.Chunk) {
	o := m.outage
	if o.firstNS == 0 {
		o.firstNS = c.UTC - c.SteppedNS
	}
	if o.heldBytes+c.Bytes() > maxHeldBytes {
		m.dropHeld(len(o.held))
	}
	if len(o.held) == 0 && !c.StartsGOP {
		m.lose(c)
		return
	}
	o.held = append(o.held, c.Retain())
	o.heldBytes += c.Bytes()
}

func (m *Muxer) lose(c *media.Chunk) {
	m.outage.lost++
	m.stats.lose(m.outage.cause, c)
}

// dropHeld releases the first n chunks that the stage holds in the outage, and counts them as
// lost.
func (m *Muxer) dropHeld(n int) {
	o := m.outage
	for _, c := range o.held[:n] {
		m.lose(c)
		o.heldBytes -= c.Bytes()
		c.Release()
	}
	o.held = slices.Delete(o.held, 0, n)
}

// dropOldGOPs drops chunks that the stage holds in the outage: those before the newest GOP.
func (m *Muxer) dropOldGOPs() {
	held := m.outage.held
	for i := len(held) - 1; i > 0; i-- {
		if held[i].StartsGOP {
			m.dropHeld(i)
			return
		}
	}
}

// retry tries to begin a file with the chunks that the stage holds in the outage, if tryEvery
// has passed since the last try. If that succeeds, it ends the outage and writes all held
// chunks. Otherwise it drops the held chunks before the newest GOP. It returns only errors that
// the disk did not cause.
func (m *Muxer) retry(emit pipeline.Emit[media.Recording]) error {
	o, now := m.outage, m.clock.Now()
	if len(o.held) == 0 || m.seg == nil || now.Sub(o.tried) < tryEvery {
		return nil
	}
	if m.stillFull() {
		o.tried = now
		m.dropOldGOPs()
		return nil
	}
	before := m.seg
	err := m.reopen()
	if err == nil {
		m.seg = m.resumedSegment(o)
		err = m.write(o.held[0], emit)
	}
	if err != nil {
		m.seg = before
		if err = m.failed(err, emit); err == nil {
			m.dropOldGOPs()
		}
		return err
	}
	m.endOutage()
	o.held[0].Release()
	for i, c := range o.held[1:] {
		if m.outage == nil {
			err = m.put(c, emit)
		} else { // the disk failed again
			m.hold(c)
		}
		c.Release()
		if err != nil {
			release(o.held[i+2:])
			return err
		}
	}
	return nil
}

func release(chunks []*media.Chunk) {
	for _, c := range chunks {
		c.Release()
	}
}

// resumedSegment returns the segment of the file that begins with the held chunks of the outage
// o. It continues the current segment, with a new ID; its Gap is the result of gapBefore.
func (m *Muxer) resumedSegment(o *outage) *media.Segment {
	first := o.held[0]
	s := m.continued(first.UTC)
	s.Gap = m.gapBefore(o, first)
	return s
}

// gapBefore returns the gap between the last file and the file that begins with the chunk first
// after the outage o. It is the gap of the outage. If the outage lost nothing, it is the Gap of
// the current segment, or no gap if an earlier file of the segment has reported that one.
func (m *Muxer) gapBefore(o *outage, first *media.Chunk) media.Gap {
	own := m.seg.Gap // the media missing before the segment
	if m.hasHadFile {
		own = media.Gap{}
	}
	from := o.fromNS
	if from == 0 && m.lastNS == 0 && !m.waitsForDisk { // the first file of the process
		if utc := m.interrupted.ask(m.key); utc != 0 {
			from, o.earlier = utc-first.SteppedNS, true
		}
	}
	if o.lost == 0 && !o.earlier {
		own.DurationNS = max(own.DurationNS+min(m.owedNS, 0), 0)
		return own
	}
	owed := int64(0)
	if from == 0 {
		from = o.firstNS - own.DurationNS
	} else { // the gap counts from the end of the last file, and includes that file's gaps with Next
		owed = max(m.owedNS, 0)
	}
	step := own.StepNS
	if m.lastNS != 0 { // there is a previous file
		step = media.ClockStep(first.SteppedNS - m.lastSteppedNS)
	}
	return media.Gap{
		Cause: o.cause, DurationNS: max(first.UTC-first.SteppedNS-from, 0) + owed, Chunks: o.lost + own.Chunks,
		StepNS: step,
	}
}

// endOutage ends the outage after the first held chunk is in a file, and reports that to the log,
// to Report and to OnTrouble.
func (m *Muxer) endOutage() {
	o := m.outage
	m.outage = nil
	m.stats.problem.Store(nil)
	m.trouble(nil)
	m.log.Info("recording goes on", "after", o.now.Problem, "lasted", m.clock.Now().Sub(o.since).Round(time.Millisecond))
	if gap := m.seg.Gap; gap.Cause == o.cause {
		m.stats.gaps.Add(1)
		m.log.Warn("media is missing before this file",
			"cause", string(gap.Cause), "duration", time.Duration(gap.DurationNS).Round(time.Millisecond), "chunks", gap.Chunks)
	}
}

// endSegmentInOutage drops the held chunks when a segment ends during an outage. In mode event it
// also ends the outage. Without an outage it does nothing.
func (m *Muxer) endSegmentInOutage() {
	if m.outage == nil {
		return
	}
	m.dropHeld(len(m.outage.held))
	if m.waitsForDisk { // the event is over: the next event tests the disk when it begins a file
		m.outage = nil
		m.stats.problem.Store(nil)
	}
}

// stillFull reports whether the disk still lacks the room or the inodes for a new file. It
// returns false if the last error of the outage had another cause. It reads the free space of
// the file system and creates no file, so that it cannot detect an exhausted quota.
func (m *Muxer) stillFull() bool {
	room, ok := disk.CapacityOf(m.fs)
	if !ok {
		return false
	}
	switch m.outage.now.Cause {
	case media.GapDiskFull:
		return room.FreeBytes < m.reserve(m.seg, m.cfg)+2*int64(m.outage.heldBytes)
	case media.GapNoInodes:
		return room.NoInodes()
	}
	return false
}
