package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// wallClock converts times to the present reading of the wall clock. The UTC of a chunk is by the
// wall clock as it was set when the chunk's GOP began, and the time of a trigger is by the wall
// clock when the trigger came. If the clock was set in between, both times are converted before
// they are compared: begin converts the time of a chunk, and the owner adds the result of step to
// the times that it keeps.
type wallClock struct {
	stepped int64 // pipeline.Stepped of the clock to which the owner's times refer, in ns
}

// noiseNS bounds, in ns, how much two readings of the system's clocks differ on a busy machine. A
// smaller difference is not a step.
const noiseNS = int64(50 * time.Millisecond)

// step returns by how many ns the clock was set since the last call.
func (w *wallClock) step(clock pipeline.Clock) int64 {
	by := int64(pipeline.Stepped(clock.Now())) - w.stepped
	if -noiseNS < by && by < noiseNS {
		return 0
	}
	w.stepped += by
	return by
}

// begin returns the time at which a chunk begins, in ns of UTC on the present clock.
func (w *wallClock) begin(c *media.Chunk) int64 {
	if by := w.stepped - c.SteppedNS; by <= -noiseNS || by >= noiseNS {
		return c.UTC + by
	}
	return c.UTC
}
