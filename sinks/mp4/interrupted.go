package mp4

import (
	"sync"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Interrupted remembers of each recording that an outage of the disk interrupted
// up to when it is in a file, for the next run: the gap counts from there. A
// program provides one for all of its pipelines (pipeline.Provide). It is safe for
// concurrent use; a nil one remembers nothing.
type Interrupted struct {
	// Last tells the end of the newest recording of an earlier process, ns UTC, 0
	// where there is none or it did not end by an accident. May be nil, and wait.
	Last func(stream, pipeline string) int64

	mu sync.Mutex // guards what follows
	at map[interruptedKey]interruption
}

// maxInterrupted bounds what is remembered.
const maxInterrupted = 10_000

type interruptedKey struct{ stream, pipeline, dir, pattern string }

type interruption struct {
	at      int64 // ns UTC less Stepped
	stepped int64 // ns, Chunk.Stepped of the last file's first chunk
	cause   media.Cause
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

// pick takes what the run before left.
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

// ask is what an earlier process left.
func (i *Interrupted) ask(key interruptedKey) int64 {
	if i == nil || i.Last == nil {
		return 0
	}
	return i.Last(key.stream, key.pipeline)
}

// resumes reports whether a recording that ends for a reason is to go on by
// itself: what is missing until then is missing for want of the disk.
func resumes(reason media.Cause) bool {
	switch reason {
	case endcause.Stop, endcause.Duration, endcause.Schedule, endcause.Shutdown, endcause.EndOfFile:
		return false
	}
	return true
}
