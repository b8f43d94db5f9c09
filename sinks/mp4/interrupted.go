package mp4

import (
	"sync"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Interrupted carries outages of the disk from one run of a pipeline to the next. A run that ends
// in an outage stores the time at which the media in its files ends, and the first gap of the next
// run begins at that time. A program provides one Interrupted for all of its pipelines
// (pipeline.Provide). It is safe for concurrent use; a nil Interrupted stores nothing.
type Interrupted struct {
	// Last returns the EndUTC of the newest recording that an earlier process made of a
	// stream in a pipeline; 0 if there is none, or if it ended as intended. Last may be nil,
	// and may block.
	Last func(stream, pipeline string) int64

	mu sync.Mutex // guards the fields below
	at map[interruptedKey]interruption
}

// maxInterrupted limits the number of stored interruptions.
const maxInterrupted = 10_000

type interruptedKey struct{ stream, pipeline, dir, pattern string }

// interruption is the state of an outage of the disk that lasted beyond the end of a run.
type interruption struct {
	at        int64       // end of the media in files, UTC less SteppedNS; 0: the run wrote no media
	steppedNS int64       // SteppedNS of the first chunk of the last file
	cause     media.Cause // cause of the gap
}

// leave stores an interruption for the next run with the same key. It does nothing if the run
// wrote no media, or if maxInterrupted interruptions are stored.
func (i *Interrupted) leave(key interruptedKey, what interruption) {
	if i == nil || what.at == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at == nil {
		i.at = map[interruptedKey]interruption{}
	}
	if len(i.at) < maxInterrupted {
		i.at[key] = what
	}
}

// pick returns and removes the interruption that the previous run with the same key left. It
// returns false if there is none.
func (i *Interrupted) pick(key interruptedKey) (interruption, bool) {
	if i == nil {
		return interruption{}, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	what, ok := i.at[key]
	delete(i.at, key)
	return what, ok
}

// ask returns the result of i.Last for the stream and the pipeline of key. It returns 0 if i or
// i.Last is nil.
func (i *Interrupted) ask(key interruptedKey) int64 {
	if i == nil || i.Last == nil {
		return 0
	}
	return i.Last(key.stream, key.pipeline)
}

// resumes reports whether a pipeline records again by itself after a run with the given end
// reason. If the run ended in an outage, the media up to the next run is then missing because of
// the disk. After any other end reason, such as a stop by the operator, no media was to be
// recorded meanwhile.
func resumes(reason media.Cause) bool {
	switch reason {
	case endcause.Stop, endcause.Duration, endcause.Schedule, endcause.Shutdown, endcause.EndOfFile:
		return false
	}
	return true
}
