package auth

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRemotesOfOneHostCountAsOne(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.5:1234": "10.0.0.5", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:10.0.0.5]:1": "10.0.0.5",
		"[fe80::1%eth0]:1": "fe80::/64", "pipe": "pipe", "10.0.0.5": "10.0.0.5", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "": "",
	} {
		require.Equal(t, want, RemoteOf(addr))
	}
}

func TestTableOfRemotesIsBounded(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	a := newAttempts(clock, 10)
	for i := range 3 * maxDebts {
		a.take(fmt.Sprint(i))
		a.add(fmt.Sprint("added ", i))
	}
	require.LessOrEqual(t, len(a.debts), maxDebts)
	clock.turn(time.Hour)
	a.take("x")
	require.Len(t, a.debts, 1, "a remote without debt is forgotten")
	a.giveBack("x")
	require.Empty(t, a.debts, "a right password leaves no entry")
}

func TestAttemptsFadeAndAreGivenBack(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	a := newAttempts(clock, 10)
	for i := range 10 {
		wait, clean := a.take("x")
		require.Zero(t, wait)
		require.Equal(t, i == 0, clean)
	}
	wait, _ := a.take("x")
	require.Equal(t, 6*time.Second, wait, "the returned wait is the real one")
	a.giveBack("x")
	wait, _ = a.take("x")
	require.Zero(t, wait)
	clock.turn(6 * time.Second)
	wait, _ = a.take("x")
	require.Zero(t, wait)
	wait, _ = a.take("x")
	require.Equal(t, 6*time.Second, wait)
	for range 1000 {
		a.add("x")
	}
	require.LessOrEqual(t, a.blocked("x"), 2*time.Minute, "many at once do not last for ever")
	clock.turn(cleared)
	_, clean := a.take("x")
	require.True(t, clean)
}
