package mp4

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// Repaired tells what recovery made of one file that a crash left behind.
type Repaired struct {
	repair.Result
	File      string          // as it was found, below the record directory
	Recording media.Recording // of the finished file; its State is empty where there is none, and its ID that of a file that was removed
	Removed   bool            // it held no whole chunk, and was deleted
	Unwritten Unwritten       // media that was lost without having come to the file
	Err       error           // the file is as it was found, or finishing it failed; with a Recording that has a State, it is finished and a power cut may undo it
}

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
