package proc

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadAgreesWithGetrusage(t *testing.T) {
	sum := 0
	for began := cpu(t); cpu(t)-began < 50*time.Millisecond; {
		for i := range 100000 {
			sum += i
		}
	}
	require.NotZero(t, sum)
	before := cpu(t)
	u, err := Read(os.Getpid())
	require.NoError(t, err)
	after := cpu(t)
	require.GreaterOrEqual(t, u.CPU(), before-2*tick)
	require.LessOrEqual(t, u.CPU(), after+2*tick)
	require.Greater(t, u.RSSBytes, int64(1<<20))
	require.GreaterOrEqual(t, u.PeakRSSBytes, u.RSSBytes/2)
}

func cpu(t *testing.T) time.Duration {
	var r syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestStatOfACommandWithParentheses(t *testing.T) {
	user, system, err := parseStat([]byte("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0"))
	require.NoError(t, err)
	require.Equal(t, 1500*time.Millisecond, user)
	require.Equal(t, 250*time.Millisecond, system)
	for _, bad := range []string{"", "7 (a", "7 (a) S 1 2", "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 25"} {
		_, _, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestGoneProcessIsAnError(t *testing.T) {
	_, err := Read(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "process 1073741824")
}
