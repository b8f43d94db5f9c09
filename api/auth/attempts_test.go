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
		"[fe80::1%eth0]:1": "fe80::/64", "pipe": "pipe",
	} {
		require.Equal(t, want, RemoteOf(addr))
	}
}

func TestTableOfRemotesIsBounded(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	a := attempts{clock: clock, limit: 10, remotes: map[string]*debt{}}
	for i := range 3 * maxRemotes {
		a.failed(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(a.remotes), maxRemotes)
	clock.turn(time.Hour)
	a.failed("x")
	require.Len(t, a.remotes, 1, "who has no debt is forgotten")
}
