package footage

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestARecoveredFileGetsItsRow, and what it cannot name is paired behind it, wherever the
// power is cut; whoever was told of the file may have done so.
func TestARecoveredFileGetsItsRow(t *testing.T) {
	steps := []string{"row put", "row pairs event"}
	for cut := range len(steps) + 1 {
		w := newWorld(t)
		rec := w.rows[one].Recording
		rec.State, rec.Beyond = media.StateRecovered, []media.Event{{ID: media.ID{9}}}
		delete(w.rows, one)
		w.cutAt = cut
		gone, err := w.Recovered(t.Context(), rec, false)
		require.Equal(t, cut == len(steps), err == nil)
		require.False(t, gone)
		require.Equal(t, steps[:cut], append([]string{}, w.steps...))
		w.restart()
		require.Contains(t, w.rows, one)
	}
	w := newWorld(t)
	gone, err := w.Recovered(t.Context(), w.rows[one].Recording, true)
	require.NoError(t, err)
	require.False(t, gone)
	require.Empty(t, w.steps)
}

// TestARecoveredFileThatIsGone has no row, even one that those put who were told of it.
func TestARecoveredFileThatIsGone(t *testing.T) {
	for _, told := range []bool{false, true} {
		w := newWorld(t)
		delete(w.files, path)
		gone, err := w.Recovered(t.Context(), w.rows[one].Recording, told)
		require.NoError(t, err)
		require.True(t, gone)
		require.Equal(t, []string{"rows forget"}, w.steps)
		require.NotContains(t, w.rows, one)
	}
}
