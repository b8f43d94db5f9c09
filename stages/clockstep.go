package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// wall tells times by the wall clock as it is now. Chunks are dated by the clock
// as it was at their key frame, and triggers by what it shows today: where it was
// set in between, both are moved to the same clock before they are compared. The
// owner moves what it remembers.
type wall struct {
	stepped int64 // ns, pipeline.Stepped of the clock that times are told by
}

// noise bounds what two readings of the clocks differ by on a busy machine, ns:
// less is no step.
const noise = int64(50 * time.Millisecond)

// step tells by how much the clock was set since the last call, ns.
func (w *wall) step(clock pipeline.Clock) int64 {
	by := int64(pipeline.Stepped(clock.Now())) - w.stepped
	if -noise < by && by < noise {
		return 0
	}
	w.stepped += by
	return by
}

// begin returns when a chunk begins by the clock as it is now, ns UTC.
func (w *wall) begin(c *media.Chunk) int64 {
	if by := w.stepped - c.Stepped; by <= -noise || by >= noise {
		return c.UTC + by
	}
	return c.UTC
}
