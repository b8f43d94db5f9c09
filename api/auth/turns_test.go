package auth

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// passing is a clock on which a wait takes its time at once.
type passing struct{ turned }

func (c *passing) After(d time.Duration) (<-chan time.Time, func()) {
	c.turn(d)
	return c.turned.After(d)
}

// waited is a clock on which a test sees each wait begin, and ends it.
type waited struct {
	turned
	begun chan chan<- time.Time
}

func newWaited() *waited {
	return &waited{turned{at: time.Unix(1e9, 0)}, make(chan chan<- time.Time, 2000)}
}

func (c *waited) After(time.Duration) (<-chan time.Time, func()) {
	done := make(chan time.Time, 1)
	c.begun <- done
	return done, func() {}
}

// client is the context of a connection: it reports when the client has hung up.
type client struct {
	context.Context
	hungUp atomic.Bool
}

func (c *client) Err() error {
	if c.hungUp.Load() {
		return context.Canceled
	}
	return nil
}

func wrong() bool { return false }
func right() bool { return true }

// filled returns turns with one address whose places are all held for a second.
func filled(t *testing.T) (*turns, *waited) {
	clock := newWaited()
	all := newTurns(clock)
	for range placesOf {
		is, err := all.do(t.Context(), "a", wrong)
		require.NoError(t, err)
		require.False(t, is)
	}
	return all, clock
}

// started waits for a turn beside the test.
func started(t *testing.T, all *turns, ctx context.Context, check func() bool) (ended <-chan error) {
	t.Helper()
	me := newTurn(ctx)
	q := all.enter("a", me)
	require.NotNil(t, q)
	out := make(chan error, 1)
	go func() {
		_, err := all.await(q, me, check)
		out <- err
	}()
	return out
}

// pass ends every wait that begins, until one has its turn.
func (c *waited) pass(ended <-chan error) error {
	for {
		select {
		case w := <-c.begun:
			w <- c.Now()
		case err := <-ended:
			return err
		}
	}
}

// A guesser waits for no answer and comes again.
func TestGuessesThatHangUpDoNotRaiseTheRate(t *testing.T) {
	all, clock := filled(t)
	var made atomic.Int64
	var ends []<-chan error
	for range 1000 {
		c := &client{Context: t.Context()}
		ends = append(ends, started(t, all, c, func() bool { made.Add(1); return false }))
		c.hungUp.Store(true)
	}
	began, let := clock.Now(), time.Time{}
	owner := started(t, all, t.Context(), func() bool { let = clock.Now(); return true })
	for _, ended := range ends {
		require.ErrorIs(t, <-ended, errHungUp)
	}
	clock.turn(secondChance)
	require.NoError(t, clock.pass(owner))
	require.Zero(t, made.Load())
	require.Equal(t, secondChance, let.Sub(began), "not before there was a place")
}

// A wrong password holds its place, whether its client stays or hangs up.
func TestAWrongPasswordHoldsItsPlaceForASecond(t *testing.T) {
	clock := &passing{turned{at: time.Unix(1e9, 0)}}
	all, began := newTurns(clock), clock.Now()
	for range 100 * placesOf {
		_, err := all.do(t.Context(), "a", wrong)
		require.NoError(t, err)
	}
	require.Equal(t, 99*secondChance, clock.Now().Sub(began))
	clock.turn(secondChance)
	began = clock.Now()
	for range 100 * placesOf {
		is, err := all.do(t.Context(), "a", right)
		require.NoError(t, err)
		require.True(t, is)
	}
	require.Equal(t, began, clock.Now(), "a right response holds no place")
}

func TestTurnsAreBoundedAndInOrder(t *testing.T) {
	all, clock := filled(t)
	var order []int // checks come one at a time
	var ends []<-chan error
	clients := make([]client, maxTurns)
	for i := range clients {
		clients[i].Context = t.Context()
		ends = append(ends, started(t, all, &clients[i], func() bool { order = append(order, i); return true }))
	}
	_, err := all.do(t.Context(), "a", right)
	require.ErrorIs(t, err, errBusy)
	is, err := all.do(t.Context(), "b", right)
	require.NoError(t, err, "another address")
	require.True(t, is)
	clients[1].hungUp.Store(true)
	last := started(t, all, t.Context(), func() bool { order = append(order, maxTurns); return true })
	clock.turn(secondChance)
	require.NoError(t, clock.pass(last))
	for i, ended := range ends {
		if i == 1 {
			require.ErrorIs(t, <-ended, errHungUp)
			continue
		}
		require.NoError(t, <-ended)
	}
	want := []int{0}
	for i := 2; i <= maxTurns; i++ {
		want = append(want, i)
	}
	require.Equal(t, want, order)
}

func TestTableOfTurnsIsBounded(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	all := newTurns(clock)
	for i := range 2 * maxAddresses {
		_, err := all.do(t.Context(), fmt.Sprint(i), wrong)
		require.Equal(t, i >= maxAddresses, err != nil)
	}
	clock.turn(secondChance)
	_, err := all.do(t.Context(), "a", wrong)
	require.NoError(t, err)
	require.Len(t, all.of, 1)
}

// Past the limit guesses come in turn, also those of a password in place of a response.
func TestGuessesAtADigestAreLimitedWhereThePasswordIsSent(t *testing.T) {
	u, err := HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	clock := &passing{turned{at: time.Unix(1e9, 0)}}
	d, err := NewDigests(map[string]Digest{"cam": u}, clock)
	require.NoError(t, err)
	began := clock.Now()
	for range 20 {
		for range 2 * placesOf {
			require.Equal(t, ErrWrong, d.CheckPassword(t.Context(), nil, here, "cam", "guess"))
		}
		require.NoError(t, d.CheckPassword(t.Context(), nil, here, "cam", "secret"))
	}
	took := clock.Now().Sub(began)
	free := DefaultFailures + int(took.Minutes()*DefaultFailures) + 1
	require.GreaterOrEqual(t, took, time.Duration((40*placesOf-free)/placesOf-1)*secondChance)
}

// A right response is accepted when its turn comes, and not checked if its client has hung up.
func TestAResponseWaitsForItsTurn(t *testing.T) {
	u, err := HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	clock := newWaited()
	d, err := NewDigests(map[string]Digest{"cam": u}, clock)
	require.NoError(t, err)
	for range DefaultFailures {
		require.Equal(t, ErrWrong, d.CheckPassword(t.Context(), nil, here, "cam", "guess"))
	}
	for range placesOf {
		require.Equal(t, ErrWrong, d.CheckPassword(t.Context(), nil, here, "cam", "guess"))
	}
	r := Response{Name: "cam", Realm: "spool", Nonce: "n", Method: "ANNOUNCE", URI: "/x"}
	r.Hash = digestOf(false, u.MD5, r.Nonce, digestOf(false, r.Method, r.URI))
	ended := make(chan error, 1)
	ask := func(c context.Context) { ended <- d.Check(c, nil, here, r, true) }
	c := &client{Context: t.Context()}
	go ask(c)
	place := <-clock.begun
	c.hungUp.Store(true)
	place <- clock.Now()
	require.Equal(t, ErrWrong, <-ended)
	go ask(t.Context())
	place = <-clock.begun
	clock.turn(secondChance)
	place <- clock.Now()
	require.NoError(t, <-ended)
}
