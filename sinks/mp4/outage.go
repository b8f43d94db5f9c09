package mp4

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// outage is a time in which the disk accepts no media: it is full, failed, read-only or gone,
// or no file can be opened.
//
// It does not end the run. The stage finishes the open file, counts and drops arriving chunks,
// and begins a new file with the newest key frame as soon as the disk accepts one. So the
// stream stays connected, no backlog in the ring fills the disk again at once, and recording
// resumes about a second after the disk. The clip of an event is short and cannot be recorded
// again: it waits in the ring, which drops the excess.
type outage struct {
	cause   media.Cause // of the gap: the trouble that began the outage
	now     disk.Trouble
	since   time.Time
	tried   time.Time
	fromNS  int64 // UTC ns: end of the media in a file; 0 if unknown
	earlier bool  // it began in an earlier run
	firstNS int64 // UTC ns, of the first chunk that was not written; 0 before that
	lost    int   // chunks

	held      []*media.Chunk // references to the chunks since the newest key frame at the last try
	heldBytes int
}

const (
	tryEvery     = 900 * time.Millisecond // shorter than a second: one chunk a second makes one try a second
	maxHeldBytes = 32 << 20               // bytes of a held GOP; a longer one is dropped
)

// take writes a chunk, or holds it during an outage and tries again.
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

// put writes a chunk, or holds it if writing it begins an outage. A chunk whose file could not
// be synced is not held: it counts as written until recovery has read the file.
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

// wait blocks until the held chunks are written, at most until the run's end.
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

// failed finishes the open file as far as an error allows. A disk error begins or continues an
// outage; any other error is returned and ends the run.
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

// noteOutage records that the disk accepts no media.
func (m *Muxer) noteOutage(kind disk.Trouble, err error) {
	now := m.clock.Now()
	if m.outage == nil {
		m.outage = &outage{cause: kind.Cause, since: now, fromNS: m.lastNS}
		if m.waitsForDisk && !m.hasHadFile { // between two events no media is missing
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

// hold keeps a chunk if a file can begin with it or with a held chunk, and else drops it.
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

// dropHeld drops the first n held chunks.
func (m *Muxer) dropHeld(n int) {
	o := m.outage
	for _, c := range o.held[:n] {
		m.lose(c)
		o.heldBytes -= c.Bytes()
		c.Release()
	}
	o.held = slices.Delete(o.held, 0, n)
}

// dropOldGOPs drops the chunks before the newest key frame, after a failed try.
func (m *Muxer) dropOldGOPs() {
	held := m.outage.held
	for i := len(held) - 1; i > 0; i-- {
		if held[i].StartsGOP {
			m.dropHeld(i)
			return
		}
	}
}

// retry tries to begin a file with the held chunks if tryEvery has passed.
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

// resumedSegment returns the segment whose file begins with the held chunks.
func (m *Muxer) resumedSegment(o *outage) *media.Segment {
	first := o.held[0]
	s := m.continued(first.UTC)
	s.Gap = m.gapBefore(o, first)
	return s
}

// gapBefore returns the gap between the last file and a file that begins with first.
func (m *Muxer) gapBefore(o *outage, first *media.Chunk) media.Gap {
	own := m.seg.Gap // of the segment, before its first chunk
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
	} else { // it counts from the end of the last file, whose reported gaps are owed
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

// endOutage ends the outage: a file grows.
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

// endSegmentInOutage ends a segment during an outage.
func (m *Muxer) endSegmentInOutage() {
	if m.outage == nil {
		return
	}
	m.dropHeld(len(m.outage.held))
	if m.waitsForDisk { // the event is over; the next one will test the disk
		m.outage = nil
		m.stats.problem.Store(nil)
	}
}

// stillFull reports whether the disk lacks room or inodes for a new file, without creating one.
// It cannot detect an exhausted quota.
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
