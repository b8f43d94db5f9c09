package retained

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The span includes all recordings, in whatever order they are added.
func TestHeldSpansItsFiles(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		var h Held
		for _, n := range order {
			h.Add(int64(10*n), at.Add(time.Duration(n)*time.Hour))
		}
		require.Equal(t, Held{Count: Count{Files: 3, Bytes: 30}, Oldest: at, Newest: at.Add(2 * time.Hour)}, h)
	}
}
