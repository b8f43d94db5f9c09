package server

import (
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// trouble handles the reports of recordings about the disk: retention frees space at once when
// the disk refuses writes, and waiting work resumes when the disk accepts files again. See
// mp4.OnTrouble.
func (s *Server) trouble(err error) {
	if err != nil {
		s.keeper.Wake()
		return
	}
	s.diskWorks.send()
	s.catalogue.Kick()
}

// logUnwritable logs that a record directory accepts no files, unless a recording has reported
// that problem. The catalogue reports that of its own directory.
func (s *Server) logUnwritable(dir string, err error) {
	if !slices.Contains(RecordDirs(s.declared.State().All), dir) {
		return
	}
	word := disk.ProblemOf(err, time.Time{}).Problem
	if !slices.ContainsFunc(s.recordingProblems(), func(p pipeline.Problem) bool { return p.Problem == word }) {
		s.log.Error("recordings cannot be written", "directory", dir, "problem", word, "error", err)
	}
}

// broadcast wakes every waiting goroutine.
type broadcast struct {
	mu sync.Mutex // guards the fields below
	c  chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{c: make(chan struct{})} }

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
