package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// turned is a clock that a test turns. Its waits end at once.
type turned struct {
	mu sync.Mutex
	at time.Time
}

func (c *turned) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *turned) After(time.Duration) (<-chan time.Time, func()) {
	passed := make(chan time.Time, 1)
	passed <- c.Now()
	return passed, func() {}
}

func (c *turned) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const viewToken = "view-0123456789abcdef"

// cheap returns a hash that costs little, because tests guess often.
func cheap(t *testing.T, password string) string {
	t.Helper()
	h := hash{memoryKiB: 8, passes: 1, threads: 1, salt: []byte("salt of 16 bytes")}
	h.key = h.derive(password, keyBytes)
	text := h.String()
	require.NoError(t, CheckHash(text))
	return text
}

func guarded(t *testing.T) (*Authenticator, *turned, *Failures) {
	clock := &turned{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	seen := NewFailures(nil)
	c := Config{Tokens: []Token{{Name: "wall", Token: viewToken, Roles: []Role{View}}}}
	for _, name := range []string{"joe", "eve", "ann"} {
		c.Users = append(c.Users, User{Name: name, PasswordHash: cheap(t, "correct horse of "+name), Roles: []Role{View, Control}})
	}
	a, err := New(c, DefaultFailures, clock, seen)
	require.NoError(t, err)
	return a, clock, seen
}

func (a *Authenticator) try(remote, name, password string) error {
	_, err := a.ByPassword(context.Background(), remote, name, password)
	return err
}

func (f *Failures) count(r Reason) (n uint64) {
	f.Each(func(reason Reason, count uint64) {
		if reason == r {
			n = count
		}
	})
	return n
}

const here = "127.0.0.1:1"

// Logins that are right are not failures, whether they were hashed or remembered.
func TestRightPasswordsAreNeverLimited(t *testing.T) {
	a, _, seen := guarded(t)
	for range 15 {
		a.passwords.users["joe"].verified = nil
		who, err := a.ByPassword(t.Context(), here, "joe", "correct horse of joe")
		require.NoError(t, err)
		require.Equal(t, Caller{Name: "joe", Roles: view | control}, who)
	}
	require.Empty(t, a.passwords.names.first.debts)
	seen.Each(func(r Reason, n uint64) { require.Zero(t, n, r) })
}

// A page makes many requests at once with a password that was not checked before.
func TestOnePasswordManyTimesAtOnceIsHashedOnce(t *testing.T) {
	a, _, _ := guarded(t)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := a.try(here, "joe", "correct horse of joe"); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
	all.Wait()
	require.Empty(t, a.passwords.underway)
	require.EqualValues(t, 1, a.passwords.hashing.done.Load())
}

// Credentials that were right before are accepted from an address whose attempts all fail.
func TestCachedCredentialsAreAcceptedFromABlockedAddress(t *testing.T) {
	a, _, seen := guarded(t)
	require.NoError(t, a.try(here, "joe", "correct horse of joe"))
	for i := range 500 {
		_, err := a.ByToken(here, fmt.Sprint("wrong token ", i))
		require.Equal(t, ErrWrong, err, "a token is not limited")
		require.Error(t, a.try(here, "joe", fmt.Sprint("guess ", i)))
	}
	require.EqualValues(t, 500, seen.count(WrongToken))
	require.EqualValues(t, DefaultFailures, seen.count(WrongPassword))
	require.EqualValues(t, 500-DefaultFailures, seen.count(Throttled))
	who, err := a.ByToken(here, viewToken)
	require.NoError(t, err)
	require.Equal(t, Caller{Name: "token wall", Roles: view}, who)
	require.NoError(t, a.try(here, "joe", "correct horse of joe"))
	require.NoError(t, a.try("127.0.0.2:1", "eve", "correct horse of eve"), "another address is not affected")
}

// A user signs in while a guesser tries his name from the same address, though his password was never checked before.
func TestAUserSignsInWhileAGuesserUsesHisName(t *testing.T) {
	a, clock, _ := guarded(t)
	guess := func(n, round int) {
		for i := range n {
			require.Error(t, a.try(here, "joe", fmt.Sprint("guess ", round, i)))
		}
	}
	guess(1000, 1)
	err := a.try(here, "joe", "correct horse of joe")
	var blocked *BlockedError
	require.ErrorAs(t, err, &blocked)
	require.ErrorIs(t, err, ErrBlocked)
	require.Equal(t, time.Second, blocked.Wait, "it is short")
	guess(1000, 2)
	require.ErrorIs(t, a.try(here, "joe", "correct horse of joe"), ErrBlocked, "too early")
	clock.turn(blocked.Wait)
	guess(1000, 3)
	require.NoError(t, a.try(here, "joe", "correct horse of joe"), "and it is true")
}

// TestSecondChancesAreLimited sends each guess twice: the second attempts are limited, too.
func TestSecondChancesAreLimited(t *testing.T) {
	a, clock, seen := guarded(t)
	for range 60 {
		clock.turn(secondChance)
		for i := range 50 {
			_ = a.try(here, "joe", fmt.Sprint("guess ", i))
		}
	}
	require.LessOrEqual(t, seen.count(WrongPassword), uint64(4*DefaultFailures+50), "in the minute: those of the name and second chances; the rest is known")
	require.LessOrEqual(t, a.passwords.hashing.done.Load(), int64(4*DefaultFailures))
}

// Failures under many names do not lock out a name without failures at the address.
func TestManyNamesDoNotLockOutOne(t *testing.T) {
	a, clock, seen := guarded(t)
	for i := range 2000 {
		require.Error(t, a.try(here, fmt.Sprint("name ", i), fmt.Sprint("guess ", i)))
		require.Error(t, a.try(here, "joe", fmt.Sprint("guess ", i)))
	}
	require.EqualValues(t, 2000, seen.count(UnknownName))
	require.Positive(t, a.passwords.addresses.blocked("127.0.0.1"))
	require.LessOrEqual(t, a.passwords.hashing.done.Load(), int64(11*DefaultFailures), "the number of hashes is bounded")
	require.NoError(t, a.try(here, "eve", "correct horse of eve"))
	require.ErrorIs(t, a.try(here, "joe", "correct horse of joe"), ErrBlocked)
	clock.turn(secondChance)
	require.NoError(t, a.try(here, "joe", "correct horse of joe"))
}

// A name with failures at an address over its limit has a second chance, too.
func TestANameThatFailedAtAHotAddressHasASecondChance(t *testing.T) {
	a, clock, _ := guarded(t)
	require.ErrorIs(t, a.try(here, "ann", "typed wrongly"), ErrWrong)
	for i := range 200 {
		require.Error(t, a.try(here, fmt.Sprint("name ", i), fmt.Sprint("guess ", i)))
	}
	require.ErrorIs(t, a.try(here, "ann", "correct horse of ann"), ErrBlocked)
	clock.turn(secondChance)
	require.NoError(t, a.try(here, "ann", "correct horse of ann"))
}

// An unknown name gets the same treatment as a known one, so that a guesser cannot learn which names exist.
func TestAnUnknownNameIsTreatedAsAKnownOne(t *testing.T) {
	answers := func(name string) (out []error) {
		a, clock, _ := guarded(t)
		for round := range 3 {
			for i := range 20 {
				out = append(out, a.try(here, name, fmt.Sprint("guess ", i)), a.try(here, name, strings.Repeat("x", maxPassword+1)))
			}
			clock.turn(secondChance)
			if round == 1 { // the address fails, too
				for i := range 200 {
					_ = a.try(here, fmt.Sprint("name ", i), "guess")
				}
			}
		}
		return out
	}
	require.Equal(t, answers("joe"), answers("zoe"))
}

// A known wrong password is not hashed again, nor counted against the address: a camera sends it every few seconds.
func TestAKnownWrongPasswordIsNotHashedAgain(t *testing.T) {
	a, clock, seen := guarded(t)
	for range 1000 {
		require.Error(t, a.try(here, "joe", "stale"))
		clock.turn(5 * time.Second)
	}
	require.EqualValues(t, 1, a.passwords.hashing.done.Load())
	require.Zero(t, a.passwords.addresses.blocked("127.0.0.1"))
	require.EqualValues(t, 1000, seen.count(WrongPassword)+seen.count(Throttled))
	require.Positive(t, seen.count(Throttled))
	for range 100 {
		require.Error(t, a.try(here, "joe", "stale"))
	}
	require.NoError(t, a.try(here, "joe", "correct horse of joe"), "it does not count against the name")
}

// A password is not hashed for a client that hung up while it waited, whether the connection or the context reports
// the end; and the attempt counts as no failure.
func TestAPasswordIsNotHashedForAClientThatHungUp(t *testing.T) {
	seen := NewFailures(nil)
	p, err := NewPasswords([]Credentials{{Name: "cam", PasswordHash: cheap(t, "open sesame")}}, nil, &turned{at: time.Unix(1e9, 0)})
	require.NoError(t, err)
	for i := range 3 * DefaultFailures {
		require.ErrorIs(t, p.Check(gone{t.Context()}, seen, "192.0.2.1:5", "cam", fmt.Sprint("guess ", i)), ErrWrong)
	}
	require.Empty(t, p.users.names.first.debts)
	require.Empty(t, p.users.guesses.wrong.at)
	seen.Each(func(r Reason, n uint64) { require.Zero(t, n, r) })
	require.NoError(t, p.Check(t.Context(), seen, "192.0.2.1:5", "cam", "open sesame"))
}

// gone is a context that reports its end by Err only, not by Done.
type gone struct{ context.Context }

func (gone) Err() error { return context.Canceled }

// Operations that need no role check credentials without hashing, and wrong ones do not count.
func TestKnownCredentialsAreCheckedWithoutHashing(t *testing.T) {
	a, _, seen := guarded(t)
	for i := range 100 {
		_, ok := a.KnownPassword("joe", fmt.Sprint("guess ", i))
		require.False(t, ok)
		_, ok = a.KnownPassword("joe", "correct horse of joe")
		require.False(t, ok, "it was not checked")
		_, ok = a.KnownPassword("", "")
		require.False(t, ok)
		_, ok = a.KnownToken(fmt.Sprint("wrong ", i))
		require.False(t, ok)
	}
	require.Empty(t, a.passwords.names.first.debts)
	seen.Each(func(r Reason, n uint64) { require.Zero(t, n, r) })
	require.NoError(t, a.try(here, "joe", "correct horse of joe"))
	who, ok := a.KnownPassword("joe", "correct horse of joe")
	require.True(t, ok)
	require.Equal(t, "joe", who.Name)
	_, ok = a.KnownPassword("eve", "correct horse of joe")
	require.False(t, ok)
}
