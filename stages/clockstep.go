package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// wallClock converts times to the wallClock clock as it is now. The builder dates a chunk by the clock
// at the chunk's key frame; a trigger is dated by the clock at the time of the request. When the
// clock was set in between, both are converted to the present clock before they are compared. The
// owner shifts the times that it remembers by the result of step.
type wallClock struct {
	stepped int64 // pipeline.Stepped of the clock that the owner's times refer to
}

// noiseNS bounds the difference between two readings of the clocks on a busy machine. A smaller
// difference is not a step.
const noise = int64(50 * time.Millisecond)

// step returns how far the clock was set since the last call, in ns.
func (w *wallClock) step(clock pipeline.Clock) int64 {
	by := int64(pipeline.Stepped(clock.Now())) - w.stepped
	if -noise < by && by < noise {
		return 0
	}
	w.stepped += by
	return by
}

// begin returns the time at which a chunk begins, in ns of UTC by the present clock.
func (w *wallClock) begin(c *media.Chunk) int64 {
	if by := w.stepped - c.SteppedNS; by <= -noise || by >= noise {
		return c.UTC + by
	}
	return c.UTC
}
