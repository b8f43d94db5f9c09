package playback

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Readers and deleters never hold one file at the same time.
func TestReadersAndDeletersExcludeEachOther(t *testing.T) {
	var r Readers
	var wg sync.WaitGroup
	owner := 0 // written under a claim, read under an enter: the race detector watches
	for i := range 8 {
		wg.Go(func() {
			for range 2000 {
				if i == 0 && r.Claim("x", time.Time{}) {
					owner++
					r.Release("x")
				} else if i > 0 && r.Enter("x") {
					_ = owner
					r.Leave("x")
				}
			}
		})
	}
	wg.Wait()
	require.False(t, r.Busy("x"))
	require.Empty(t, r.files)
}

// A client cannot keep a file for ever, neither by slow reading nor by many requests; an export can, and is bounded otherwise.
func TestReadersDelayADeletionForAWhile(t *testing.T) {
	var r Readers
	at := time.Unix(1_000_000, 0)
	require.True(t, r.Enter("x"))
	require.False(t, r.Claim("x", at))
	require.True(t, r.Enter("x"), "until then it is read as ever")
	r.Leave("x")
	r.Leave("x")
	require.False(t, r.Busy("x"))
	require.True(t, r.Enter("x"), "a new request does not begin the time anew")
	require.False(t, r.Claim("x", at.Add(Patience-1)))
	require.True(t, r.Claim("x", at.Add(Patience)))
	require.False(t, r.Enter("x"))
	_, err := r.Holding("x")
	require.ErrorIs(t, err, ErrBusy)
	_, err = r.Reading("y", "x")
	require.ErrorIs(t, err, ErrBusy)
	require.False(t, r.Busy("y"))
	require.False(t, r.Claim("x", at.Add(2*Patience)))
	r.Leave("x")
	require.True(t, r.Busy("x"))
	r.Release("x")
	require.False(t, r.Busy("x"))
	require.Empty(t, r.files)

	drop, err := r.Holding("x")
	require.NoError(t, err)
	require.False(t, r.Claim("x", at))
	require.False(t, r.Claim("x", at.Add(100*Patience)))
	drop()
	require.True(t, r.Claim("x", at.Add(100*Patience)))
	r.Release("x")
	require.True(t, r.Enter("x"))
	require.False(t, r.Claim("x", at), "the clock was set back")
	require.False(t, r.Claim("x", at.Add(-time.Hour)))
	require.True(t, r.Claim("x", at.Add(Patience-time.Hour)))
}

// Readers forgets a file whose deletion was refused and is not tried again.
func TestRefusedDeletionsAreForgotten(t *testing.T) {
	var r Readers
	at := time.Unix(1_000_000, 0)
	for i := range 100_000 {
		name := strconv.Itoa(i)
		require.True(t, r.Enter(name))
		at = at.Add(time.Second)
		require.False(t, r.Claim(name, at))
		r.Leave(name)
	}
	require.Less(t, len(r.files), 10_000)
}
