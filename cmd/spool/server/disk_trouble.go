package server

import (
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// trouble handles a report that a disk refuses writes, with the error, or accepts files again, with
// nil: see mp4.OnTrouble. In the first case it lets retention free space at once; in the second it
// wakes the work that waits for the disk.
func (s *Server) trouble(err error) {
	if err != nil {
		s.keeper.Wake()
		return
	}
	s.diskWorks.send()
	s.catalogue.Kick()
}

// logUnwritable logs that a record directory accepts no files, unless a recording has reported the same
// problem. It logs nothing for the directory of the database: the catalogue reports its failures.
func (s *Server) logUnwritable(dir string, err error) {
	if !slices.Contains(RecordDirectories(s.declared.State().All), dir) {
		return
	}
	word := disk.ProblemOf(err, time.Time{}).Problem
	if !slices.ContainsFunc(s.recordingProblems(), func(p pipeline.Problem) bool { return p.Problem == word }) {
		s.log.Error("recordings cannot be written", "directory", dir, "problem", word, "error", err)
	}
}

// broadcast wakes goroutines: send wakes all that wait for the channel that wait returns. It is safe
// for concurrent use.
type broadcast struct {
	mu sync.Mutex    // guards the fields below
	c  chan struct{} // channel that wait returns; each send closes and replaces it
}

func newBroadcast() *broadcast { return &broadcast{c: make(chan struct{})} }

// send wakes the goroutines that wait for the channel that wait has returned.
func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.c)
	b.c = make(chan struct{})
}

// wait returns a channel that the next send closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.c
}
