package playback

import (
	"sync"
	"testing"

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
				if i == 0 && r.Claim("x") {
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
