package hls

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Protocol is the name of this output in the list of connections.
const Protocol = "hls"

func init() { egress.RegisterOutput(Protocol) }

const (
	sessionIdle   = 15 * time.Second // ends a session that has requested nothing for so long
	maxRequests   = 16               // of one session at once
	endedSessions = 256              // the newest sessions whose end was requested that are remembered
)

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
	hungUp   []string // IDs of sessions whose end was requested, the oldest first
	watching bool     // the task that ends idle sessions runs
}

// enter returns the session with an ID, or a new session: with that ID if it was idle for too long, or with a new one if the ID is
// empty. Its errors are those of egress.Readers.Admit and cmaf.Packagers.Open, egress.ErrHungUp, ErrBusy and ErrQuery. The caller
// calls leave at the end of its request.
func (s *sessions) enter(r *http.Request, path, user, id string) (one *session, known string, leave func(), err error) {
	if id == "" {
		id = rand.Text()
	}
	if one, err = s.join(path, id); err == nil && one == nil {
		if one, err = s.open(r, path, user); err == nil {
			one, err = s.add(one, id)
		}
	}
	if err != nil {
		return nil, "", nil, err
	}
	return one, id, func() { s.leave(one) }, nil
}

// join returns the session with an ID, and counts a request of it. Without such a session it returns nil, and no error.
func (s *sessions) join(path, id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joinLocked(path, id)
}

func (s *sessions) joinLocked(path, id string) (*session, error) {
	one := s.by[id]
	switch {
	case slices.Contains(s.hungUp, id), one != nil && one.ended.Err() != nil:
		return nil, egress.ErrHungUp
	case one == nil && !isID(id), one != nil && one.path != path:
		return nil, fmt.Errorf("%w: session %.40q is not one of this stream", ErrQuery, id)
	case one == nil:
		return nil, nil
	case one.busy >= maxRequests:
		return nil, ErrBusy
	}
	one.busy++
	return one, nil
}

// isID reports whether id has the form of rand.Text.
func isID(id string) bool {
	return len(id) == len(rand.Text()) && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// open returns a new session with one request.
func (s *sessions) open(r *http.Request, path, user string) (one *session, err error) {
	one = &session{path: path, busy: 1}
	one.ended, one.end = context.WithCancelCause(context.Background())
	one.client, err = s.readers.Admit(egress.Request{
		Protocol: Protocol, Path: path, Remote: r.RemoteAddr, User: user, TLS: r.TLS != nil, HangUp: func() { one.end(egress.ErrHungUp) },
	})
	if err != nil {
		return nil, err
	}
	if one.use, err = s.packagers.Open(path, one.client.Offer.Window.D()); err != nil {
		one.client.Close()
		return nil, err
	}
	return one, nil
}

// add adds a session, unless another request of the client has added one meanwhile: then it closes the session, and joins that one.
func (s *sessions) add(one *session, id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, err := s.joinLocked(one.path, id); other != nil || err != nil {
		one.close()
		return other, err
	}
	s.by[id] = one
	if !s.watching {
		s.watching = true
		s.tasks.Go("hls sessions", s.watch)
	}
	return one, nil
}

func (one *session) close() {
	one.end(egress.ErrHungUp)
	one.use.Close()
	one.client.Close()
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
		if one.ended.Err() != nil {
			s.hungUp = append(s.hungUp, id)
		}
		idle := one.busy == 0 && s.clock.Now().Sub(one.last) >= sessionIdle
		if all || idle || one.ended.Err() != nil {
			delete(s.by, id)
			one.close()
		}
	}
	s.hungUp = s.hungUp[max(0, len(s.hungUp)-endedSessions):]
	s.watching = len(s.by) > 0
	return s.watching
}
