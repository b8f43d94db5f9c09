package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// cameras is the number of cameras behind one address.
func cameras(t *testing.T, n int, clock pipeline.Clock) *Passwords {
	t.Helper()
	var users []Credentials
	for i := range n {
		users = append(users, Credentials{fmt.Sprintf("cam%d", i), cheap(t, "right password")})
	}
	p, err := NewPasswords(users, nil, clock)
	require.NoError(t, err)
	return p
}

// A camera with a wrong password does not lock out other cameras behind the same address.
func TestACameraWithAWrongPasswordDoesNotLockOutOthers(t *testing.T) {
	clock := &turned{at: time.Unix(1e9, 0)}
	g := cameras(t, 12, clock)
	check := func(port int, name, password string) error {
		return g.Check(context.Background(), nil, fmt.Sprintf("192.0.2.1:%d", port), name, password)
	}
	guesses := 0
	blocked := func(name string) (tries int) {
		guess := func() string { guesses++; return fmt.Sprint("guess ", guesses) }
		for check(1000+tries, name, guess()) == ErrWrong {
			tries++
		}
		require.ErrorIs(t, check(1, name, guess()), ErrBlocked)
		return tries
	}
	require.Equal(t, 10, blocked("cam0"))
	require.ErrorIs(t, check(2, "cam0", "right password"), ErrBlocked)
	require.NoError(t, check(2, "cam1", "right password"))
	require.Equal(t, 10, blocked("nobody"))
	require.NoError(t, check(3, "cam2", "right password"))
	for n := 3; n < 11; n++ {
		require.Equal(t, 10, blocked(fmt.Sprint("cam", n)))
	}
	require.Positive(t, g.users.addresses.blocked("192.0.2.1"), "all names in turn are too many")
	require.NoError(t, check(4, "cam11", "right password"), "a camera that has not failed gets in")
	require.NoError(t, check(4, "cam1", "right password"))
	clock.turn(secondChance)
	require.NoError(t, check(5, "cam0", "right password"), "the camera comes again, with the same")
	require.ErrorIs(t, check(5, "cam3", "right password"), ErrBlocked)
	clock.turn(secondChance)
	require.NoError(t, check(5, "cam3", "right password"))
	require.NoError(t, g.Check(context.Background(), nil, "192.0.2.2:1", "cam4", "right password"))
}

// An overlong password is not hashed, and it counts against the limits as any other.
func TestOverlongPasswordsAreNotHashed(t *testing.T) {
	g := cameras(t, 1, &turned{at: time.Unix(1e9, 0)})
	long := strings.Repeat("x", maxPassword+1)
	for i := range 2 * DefaultFailures {
		err := g.Check(t.Context(), nil, here, "cam0", long)
		require.Equal(t, i < DefaultFailures, err == ErrWrong)
	}
	require.Empty(t, g.users.guesses.wrong.at)
	require.Empty(t, g.users.guesses.refused.at, "it does not wait")
}

// After a restart many cameras connect at once from one address, one of them with a wrong password.
func TestManyCamerasComeAtOnce(t *testing.T) {
	const last = 199
	g := cameras(t, last+1, pipeline.SystemClock)
	var all sync.WaitGroup
	for i := 1; i <= last; i++ {
		all.Go(func() {
			if err := g.Check(context.Background(), nil, fmt.Sprintf("192.0.2.1:%d", i), fmt.Sprint("cam", i), "right password"); err != nil {
				t.Errorf("cam%d: %v", i, err)
			}
		})
		all.Go(func() { _ = g.Check(context.Background(), nil, "192.0.2.1:9", "cam0", fmt.Sprint("wrong ", i)) })
	}
	all.Wait()
	for i := 1; i <= last; i++ {
		require.NoError(t, g.Check(gone{t.Context()}, nil, "192.0.2.1:1", fmt.Sprint("cam", i), "right password"), "it is remembered")
	}
	require.Zero(t, g.users.hashing.all)
	require.True(t, g.Knows("cam7"))
	require.False(t, g.Knows("right password"))
}
