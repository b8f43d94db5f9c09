package auth

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// However many second chances are waiting, a place is kept for clients without failures.
func TestAPlaceIsKeptForClientsWithoutFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing()
		end := make(chan struct{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _ = h.do(t.Context(), "a", true, func() { <-end }) })
		}
		synctest.Wait()
		require.Len(t, h.places, hashings-1)
		done := false
		require.NoError(t, h.do(t.Context(), "a", false, func() { done = true }))
		require.True(t, done)
		close(end)
		all.Wait()
		require.Empty(t, h.waiting)
		require.Zero(t, h.all)
	})
}

// The number of waiting clients is bounded for each address and in total; a client that hangs up makes room.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing()
		end := make(chan struct{})
		var all sync.WaitGroup
		ctx, hangUp := context.WithCancel(t.Context())
		fill := func(address string, n int) {
			for range n {
				all.Go(func() { _ = h.do(ctx, address, false, func() { <-end }) })
			}
			synctest.Wait()
		}
		fill("a", maxWaitingFrom)
		require.ErrorIs(t, h.do(ctx, "a", false, nil), errBusy)
		for _, other := range []string{"b", "c", "d"} {
			fill(other, maxWaitingFrom)
		}
		require.ErrorIs(t, h.do(ctx, "e", false, nil), errBusy)
		hangUp()
		synctest.Wait()
		require.Equal(t, hashings, h.all, "those at work")
		require.ErrorIs(t, h.do(ctx, "a", false, nil), errHungUp)
		close(end)
		all.Wait()
		require.Zero(t, h.all)
	})
}
