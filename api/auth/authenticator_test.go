package auth

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// turned is a clock that a test turns.
type turned struct {
	mu sync.Mutex
	at time.Time
}

func (c *turned) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *turned) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

func (c *turned) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const viewToken = "view-0123456789abcdef"

func guarded(t *testing.T) (*Authenticator, *turned) {
	clock := &turned{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	hash, err := HashPassword("correct horse")
	require.NoError(t, err)
	a, err := New(Config{
		Users:  []User{{Name: "joe", PasswordHash: hash, Roles: []Role{View, Control}}},
		Tokens: []Token{{Name: "wall", Token: viewToken, Roles: []Role{View}}},
	}, DefaultFailures, clock)
	require.NoError(t, err)
	return a, clock
}

// Logins that are right are not failures, whether they were hashed or remembered.
func TestRightPasswordsAreNeverLimited(t *testing.T) {
	a, _ := guarded(t)
	for range 15 {
		a.users["joe"].remember(nil)
		who, err := a.ByPassword(t.Context(), "127.0.0.1:1", "joe", "correct horse")
		require.NoError(t, err)
		require.Equal(t, Caller{"joe", view | control}, who)
	}
}

func TestFailuresOfOneRemoteAreNotAnothers(t *testing.T) {
	a, clock := guarded(t)
	for range DefaultFailures {
		_, err := a.ByToken("127.0.0.1:1", "wrong")
		require.Equal(t, ErrWrong, err)
	}
	_, err := a.ByToken("127.0.0.1:2", viewToken)
	var blocked *BlockedError
	require.ErrorAs(t, err, &blocked)
	require.ErrorIs(t, err, ErrBlocked)
	_, err = a.ByPassword(t.Context(), "127.0.0.1:3", "joe", "correct horse")
	require.ErrorIs(t, err, ErrBlocked)
	who, err := a.ByToken("127.0.0.2:1", viewToken)
	require.NoError(t, err, "another remote is not meant")
	require.Equal(t, Caller{"token wall", view}, who)
	clock.turn(blocked.Wait + time.Second)
	_, err = a.ByToken("127.0.0.1:1", viewToken)
	require.NoError(t, err)
}

// The work for who has hung up while he waited is not done, however it is told.
func TestWhoHungUpIsNotHashedFor(t *testing.T) {
	hash, err := HashPassword("open sesame")
	require.NoError(t, err)
	p, err := NewPasswords([]Credentials{{Name: "cam", PasswordHash: hash}}, &turned{at: time.Unix(1e9, 0)})
	require.NoError(t, err)
	require.ErrorIs(t, p.Check(gone{t.Context()}, "192.0.2.1:5", "cam", "open sesame"), ErrWrong)
	require.NoError(t, p.Check(t.Context(), "192.0.2.1:5", "cam", "open sesame"))
}

// gone is a context that tells of its end only when it is asked.
type gone struct{ context.Context }

func (gone) Err() error { return context.Canceled }
