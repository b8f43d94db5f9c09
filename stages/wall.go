package stages

import "github.com/gospool/spool/pipeline/media"

// wall follows the wall clock of a stream from chunk to chunk, to see when it is
// set: the times of what is known are then those of a clock that is gone.
type wall struct {
	of        *media.TrackSet // nil before the first chunk
	seq       uint64
	end       int64 // ns, UTC: of the newest chunk
	ticks     int64 // the same on the lead track
	timescale uint32
}

// wallStep is the least difference between the wall clock and media time, ns,
// that is taken for a clock that was set.
const wallStep = int64(2e9)

// step tells by how much the clock was set between the chunk before and this one,
// ns; 0 where it was not, or where the two do not follow on each other.
func (w *wall) step(c *media.Chunk) int64 {
	before := *w
	lead := c.Lead()
	*w = wall{of: c.Set, seq: c.Seq, end: c.UTC + c.Lasted(), ticks: lead.End, timescale: c.Set.Tracks[c.Set.Lead()].Timescale}
	if before.of != c.Set || c.Seq != before.seq+1 || !c.Gap.None() || lead.Len() == 0 {
		return 0
	}
	hole := c.Set.Life(media.ToNanos(lead.DTS[0]-before.ticks, w.timescale))
	step := c.UTC - before.end - hole
	if step > -wallStep && step < wallStep {
		return 0
	}
	return step
}
