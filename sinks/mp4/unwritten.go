package mp4

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// FlushInterval is how long a chunk may get. A program provides its own
// (pipeline.Provide), and each file carries it: it bounds what was in memory only
// when the program died.
type FlushInterval time.Duration

// defaultFlush is that of a program that was not configured otherwise.
const defaultFlush = time.Second

// Unwritten is media that a crash took out of memory. Nothing on the disk tells
// how much it was; the file tells how much it can have been at most.
type Unwritten struct {
	AtMost  time.Duration // 0: nothing, as behind a file that was finished
	Assumed bool          // the file does not tell flush_interval: it is the default's
}

func unwritten(flushNS int64) Unwritten {
	if flushNS <= 0 {
		return Unwritten{defaultFlush, true}
	}
	return Unwritten{AtMost: time.Duration(flushNS)}
}

// String says what is known, for a log.
func (u Unwritten) String() string {
	switch {
	case u.AtMost == 0:
		return "nothing"
	case u.Assumed:
		return fmt.Sprintf("%s (%v by default)", media.LostInCrash, u.AtMost)
	}
	return fmt.Sprintf("%s (%v)", media.LostInCrash, u.AtMost)
}
