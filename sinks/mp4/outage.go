package mp4

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// outage is a time in which the disk takes nothing: it is full, failed, read-only
// or away, or no file can be opened.
//
// It does not end the run. The stage finishes the open file, drops what comes,
// counted, and begins a new file with the newest key frame as soon as the disk
// takes one. So the stream stays connected, nothing waits in the ring that would
// fill the disk again at once, and recording is back about a second after the
// disk. The clip of an event is short and all that there will be of it: it waits
// in the ring, which drops what is too much.
type outage struct {
	cause   media.Cause // of the gap: what began it
	now     disk.Trouble
	since   time.Time
	tried   time.Time
	from    int64 // ns: the end of what is in a file; 0 where none is known
	earlier bool  // it began in a run before this one
	first   int64 // ns, of the first chunk that was not written; 0 before it
	lost    int   // chunks

	held      []*media.Chunk // from the key frame on that was the newest at the last try, a reference of each
	heldBytes int
}

const (
	tryEvery = 900 * time.Millisecond // so that a chunk a second is a try a second
	maxHeld  = 32 << 20               // bytes of a GOP that waits; a longer one is not begun with
)

// take writes a chunk, or what can be written of it during an outage.
func (m *Muxer) take(ctx context.Context, c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	if m.out == nil {
		if err := m.put(c, emit); err != nil {
			return err
		}
	} else {
		m.hold(c)
		if err := m.again(emit); err != nil {
			return err
		}
	}
	if m.patient {
		return m.wait(ctx, emit)
	}
	return nil
}

// put writes a chunk, or holds it where that begins an outage. One whose file could
// not be synced is in that file, as far as can be told before recovery has read it.
func (m *Muxer) put(c *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	err := m.write(c, emit)
	if err == nil {
		return nil
	}
	inFile := m.told && m.file != nil && m.file.syncFail != nil
	if err := m.failed(err, emit); err != nil {
		return err
	}
	if !inFile {
		m.hold(c)
	}
	return nil
}

// wait holds the flow up until what is held is written, but not beyond the run's end.
func (m *Muxer) wait(ctx context.Context, emit pipeline.Emit[media.Recording]) error {
	for m.out != nil && len(m.out.held) > 0 {
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
		if err := m.again(emit); err != nil {
			return err
		}
	}
	return nil
}

// failed ends the open file after an error, as well as the error allows. The
// error of a disk begins an outage, or goes on with the one under way; any other
// is returned, for the run.
func (m *Muxer) failed(err error, emit pipeline.Emit[media.Recording]) error {
	m.stats.failed(err)
	kind, ofDisk := disk.TroubleOf(err)
	size := int64(0)
	if m.told && m.file != nil {
		size = m.file.size
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
	m.disrupted(kind, err)
	m.hitLimit(err, size)
	return nil
}

// disrupted notes that the disk takes nothing.
func (m *Muxer) disrupted(kind disk.Trouble, err error) {
	now := m.clock.Now()
	if m.out == nil {
		m.out = &outage{cause: kind.Cause, since: now, from: m.last}
		if m.patient && !m.used { // between two events nothing is missing
			m.out.from = 0
		}
	}
	o := m.out
	if o.now.Problem != kind.Problem {
		m.log.Error("recording failed", "error", err, "again_in", tryEvery)
	}
	o.tried, o.now = now, kind
	m.stats.problem.Store(&pipeline.Problem{
		Problem: kind.Problem, Since: o.since, Cause: err.Error(), Remedy: kind.Remedy, Failing: true,
	})
	m.trouble(err)
}

// hold keeps a chunk where a file could begin with it or with one that is held.
func (m *Muxer) hold(c *media.Chunk) {
	o := m.out
	if o.first == 0 {
		o.first = c.UTC - c.Stepped
	}
	if o.heldBytes+c.Bytes() > maxHeld {
		m.letGo(len(o.held))
	}
	if len(o.held) == 0 && !c.StartsGOP {
		m.lose(c)
		return
	}
	o.held = append(o.held, c.Retain())
	o.heldBytes += c.Bytes()
}

func (m *Muxer) lose(c *media.Chunk) {
	m.out.lost++
	m.stats.lose(m.out.cause, c)
}

// letGo loses the first n chunks that are held.
func (m *Muxer) letGo(n int) {
	o := m.out
	for _, c := range o.held[:n] {
		m.lose(c)
		o.heldBytes -= c.Bytes()
		c.Release()
	}
	o.held = slices.Delete(o.held, 0, n)
}

// missed lets go, after a try, of what is before the newest key frame.
func (m *Muxer) missed() {
	held := m.out.held
	for i := len(held) - 1; i > 0; i-- {
		if held[i].StartsGOP {
			m.letGo(i)
			return
		}
	}
}

// again begins a file with what is held, if it is time to try.
func (m *Muxer) again(emit pipeline.Emit[media.Recording]) error {
	o, now := m.out, m.clock.Now()
	if len(o.held) == 0 || m.seg == nil || now.Sub(o.tried) < tryEvery {
		return nil
	}
	if m.stillFull() {
		o.tried = now
		m.missed()
		return nil
	}
	before := m.seg
	err := m.reopen()
	if err == nil {
		m.seg = m.goOn(o)
		err = m.write(o.held[0], emit)
	}
	if err != nil {
		m.seg = before
		if err = m.failed(err, emit); err == nil {
			m.missed()
		}
		return err
	}
	m.over()
	o.held[0].Release()
	for i, c := range o.held[1:] {
		if m.out == nil {
			err = m.put(c, emit)
		} else { // it broke again
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

// goOn is the segment whose file begins with what is held.
func (m *Muxer) goOn(o *outage) *media.Segment {
	first := o.held[0]
	s := m.continued(first.UTC)
	s.Gap = m.gapBefore(o, first)
	return s
}

// gapBefore is what is missing between the last file and one that begins with a chunk.
func (m *Muxer) gapBefore(o *outage, first *media.Chunk) media.Gap {
	own := m.seg.Gap // of the segment, before its first chunk
	if m.used {
		own = media.Gap{}
	}
	from := o.from
	if from == 0 && m.last == 0 && !m.patient { // the first file of the process
		if utc := m.interrupted.ask(m.key); utc != 0 {
			from, o.earlier = utc-first.Stepped, true
		}
	}
	if o.lost == 0 && !o.earlier {
		own.Duration = max(own.Duration+min(m.owed, 0), 0)
		return own
	}
	owed := int64(0)
	if from == 0 {
		from = o.first - own.Duration
	} else { // it counts from the end of the last file, which has holes
		owed = max(m.owed, 0)
	}
	step := own.Step
	if m.last != 0 { // there is a file before
		step = media.ClockStep(first.Stepped - m.lastStepped)
	}
	return media.Gap{
		Cause: o.cause, Duration: max(first.UTC-first.Stepped-from, 0) + owed, Chunks: o.lost + own.Chunks,
		Step: step,
	}
}

// over ends the outage: a file grows.
func (m *Muxer) over() {
	o := m.out
	m.out = nil
	m.stats.problem.Store(nil)
	m.trouble(nil)
	m.log.Info("recording goes on", "after", o.now.Problem, "lasted", m.clock.Now().Sub(o.since).Round(time.Millisecond))
	if gap := m.seg.Gap; gap.Cause == o.cause {
		m.stats.gaps.Add(1)
		m.log.Warn("media is missing before this file",
			"cause", string(gap.Cause), "duration", time.Duration(gap.Duration).Round(time.Millisecond), "chunks", gap.Chunks)
	}
}

// cutOff ends a segment during an outage.
func (m *Muxer) cutOff() {
	if m.out == nil {
		return
	}
	m.letGo(len(m.out.held))
	if m.patient { // the event is over; the next one will find out what the disk does
		m.out = nil
		m.stats.problem.Store(nil)
	}
}

// stillFull looks before it makes a file in vain: at the free room and at the free
// inodes alone, which is nothing to go by where a quota is the trouble.
func (m *Muxer) stillFull() bool {
	room, ok := disk.CapacityOf(m.fs)
	if !ok {
		return false
	}
	switch m.out.now.Cause {
	case media.GapDiskFull:
		return room.Free < m.reserve(m.seg, m.cfg)+2*int64(m.out.heldBytes)
	case media.GapNoInodes:
		return room.NoInodes()
	}
	return false
}
