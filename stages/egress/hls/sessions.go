package hls

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Protocol is the name of this output in the list of connections.
const Protocol = "hls"

// sessionIdle ends a session that has requested nothing for so long.
const sessionIdle = 15 * time.Second

// session is a client that plays a stream.
type session struct {
	client *egress.Client
	use    *cmaf.Use
	path   string
	busy   int       // requests that are being answered; guarded by sessions.mu
	last   time.Time // end of the newest request; guarded by sessions.mu
	ended  context.Context
	end    context.CancelCauseFunc
}

// sessions holds the sessions by ID.
type sessions struct {
	readers   *egress.Readers
	packagers *cmaf.Packagers
	tasks     *pipeline.Tasks
	clock     pipeline.Clock

	mu       sync.Mutex // guards the fields below
	by       map[string]*session
	watching bool // the task that ends idle sessions runs
}

// enter returns the session with an ID, or a new one if there is none for this stream. The caller calls leave at the end of
// its request.
func (s *sessions) enter(r *http.Request, path, user, id string) (one *session, known string, leave func(), err error) {
	s.mu.Lock()
	one = s.by[id]
	if one != nil && one.path == path {
		one.busy++
		s.mu.Unlock()
		return one, id, func() { s.leave(one) }, nil
	}
	s.mu.Unlock()
	one = &session{path: path, busy: 1}
	one.ended, one.end = context.WithCancelCause(context.Background())
	one.client, err = s.readers.Admit(egress.Request{
		Protocol: Protocol, Path: path, Remote: r.RemoteAddr, User: user, TLS: r.TLS != nil, HangUp: func() { one.end(egress.ErrHungUp) },
	})
	if err != nil {
		return nil, "", nil, err
	}
	if one.use, err = s.packagers.Open(path); err != nil {
		one.client.Close()
		return nil, "", nil, err
	}
	id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[id] = one
	if !s.watching {
		s.watching = true
		s.tasks.Go("hls sessions", s.watch)
	}
	return one, id, func() { s.leave(one) }, nil
}

func (s *sessions) leave(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.busy--
	one.last = s.clock.Now()
}

// watch ends idle sessions, and those whose end was requested, until there are none.
func (s *sessions) watch(ctx context.Context) error {
	for pipeline.Sleep(ctx, s.clock, time.Second, nil) {
		if !s.sweep(false) {
			return nil
		}
	}
	s.sweep(true)
	return nil
}

// sweep ends sessions, and reports whether others are left.
func (s *sessions) sweep(all bool) (left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.by {
		idle := one.busy == 0 && s.clock.Now().Sub(one.last) >= sessionIdle
		if all || idle || one.ended.Err() != nil {
			delete(s.by, id)
			one.end(egress.ErrHungUp)
			one.use.Close()
			one.client.Close()
		}
	}
	s.watching = len(s.by) > 0
	return s.watching
}
