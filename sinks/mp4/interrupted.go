package mp4

import (
	"sync"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Interrupted stores, for each recording that an outage of the disk interrupted, the end of
// its media in a file, for the next run: the gap counts from there. A program provides one
// for all of its pipelines (pipeline.Provide). It is safe for concurrent use; a nil
// Interrupted stores nothing.
type Interrupted struct {
	// Last returns the end of the newest recording of an earlier process, UTC ns; 0 if
	// there is no such recording or it ended as intended. Last may be nil, and may block.
	Last func(stream, pipeline string) int64

	mu sync.Mutex // guards the fields below
	at map[interruptedKey]interruption
}

// maxInterrupted limits the number of stored interruptions.
const maxInterrupted = 10_000

type interruptedKey struct{ stream, pipeline, dir, pattern string }

type interruption struct {
	at        int64 // UTC ns less Stepped
	steppedNS int64 // ns, Chunk.SteppedNS of the last file's first chunk
	cause     media.Cause
}

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

// pick returns and removes the interruption that the previous run left.
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

// ask returns the end of the newest recording of an earlier process.
func (i *Interrupted) ask(key interruptedKey) int64 {
	if i == nil || i.Last == nil {
		return 0
	}
	return i.Last(key.stream, key.pipeline)
}

// resumes reports whether a recording that ended for a reason continues by itself: the media
// until then is missing because of the disk.
func resumes(reason media.Cause) bool {
	switch reason {
	case endcause.Stop, endcause.Duration, endcause.Schedule, endcause.Shutdown, endcause.EndOfFile:
		return false
	}
	return true
}
