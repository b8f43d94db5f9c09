package footage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestARecoveredFileGetsItsRow, and what it cannot name is paired behind it; then the file
// has the events that it can name, and protection. Wherever the power is cut, the
// row comes back, and protection of the file is that of the row.
func TestARecoveredFileGetsItsRow(t *testing.T) {
	named := media.Event{ID: media.ID{8}, Protect: true}
	steps := []string{"row put", "row pairs event", "file event", "file protect", "row protect"}
	for cut := range len(steps) + 1 {
		w := newWorld(t)
		rec := w.rows[one].Recording
		rec.State, rec.Events, rec.Beyond = media.StateRecovered, []media.Event{named}, []media.Event{{ID: media.ID{9}}}
		delete(w.rows, one)
		w.cutAt = cut
		got := w.Recovered(t.Context(), Recovery{Recording: rec, Marks: true, Protect: func() bool { return true }})
		require.False(t, got.Gone)
		require.Equal(t, cut < 2, got.RowError != nil, "cut before step %d", cut)
		require.Equal(t, cut < 3, got.FileError != nil, "cut before step %d", cut)
		require.Equal(t, cut < 5, got.ProtectError != nil, "cut before step %d", cut)
		require.Equal(t, steps[:cut], append([]string{}, w.steps...))
		w.restart()
		require.Contains(t, w.rows, one)
		require.Equal(t, cut > 2, w.state().fileEvts == 1)
		require.Equal(t, cut > 3, w.state().inFile)
	}
}

// TestARecoveredFileIsChangedNoMoreThanItNeeds: others have put its row, its recorder had
// marked all events, or none may protect it.
func TestARecoveredFileIsChangedNoMoreThanItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		how   Recovery
		steps []string
	}{
		"told":           {Recovery{Told: true}, nil},
		"told, unmarked": {Recovery{Told: true, Marks: true}, []string{"file event"}},
		"may not":        {Recovery{Told: true, Protect: func() bool { return false }}, nil},
		"may":            {Recovery{Told: true, Protect: func() bool { return true }}, []string{"file protect", "row protect"}},
		"all marked":     {Recovery{}, []string{"row put"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.how.Recording = w.rows[one].Recording
			require.Equal(t, Recovered{}, w.Recovered(t.Context(), c.how))
			require.Equal(t, c.steps, w.steps)
		})
	}
}

// TestARecoveredFileThatIsGone has no row, even one that those put who were told of it,
// and spends no protection.
func TestARecoveredFileThatIsGone(t *testing.T) {
	for _, told := range []bool{false, true} {
		w := newWorld(t)
		delete(w.files, path)
		got := w.Recovered(t.Context(), Recovery{
			Recording: w.rows[one].Recording, Told: told, Marks: true,
			Protect: func() bool { require.FailNow(t, "granted to a file that is gone"); return true },
		})
		require.Equal(t, Recovered{Gone: true}, got)
		require.Equal(t, []string{"rows forget"}, w.steps)
		require.NotContains(t, w.rows, one)
	}
}

// TestOneChangeAtATime: whatever else changes a row or its file waits for the change that
// is under way, and does nothing where that takes too long.
func TestOneChangeAtATime(t *testing.T) {
	for name, change := range map[string]func(*world) error{
		"recovered": func(w *world) error {
			return w.Recovered(t.Context(), Recovery{Recording: w.rows[one].Recording, Marks: true}).RowError
		},
		"empty":     func(w *world) error { return w.Empty(t.Context(), media.DeletedFile{ID: one, Path: path}) },
		"pair":      func(w *world) error { return w.PairEvent(t.Context(), w.rows[one].Recording, media.Event{}) },
		"protected": func(w *world) error { _, err := w.Store.SetProtected(t.Context(), one, true); return err },
		"event":     func(w *world) error { _, err := w.AddEvent(t.Context(), one, media.Event{}); return err },
		"deleted":   func(w *world) error { return w.Delete(t.Context(), one) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			release, err := w.claim(t.Context(), one)
			require.NoError(t, err)
			over := make(chan time.Time, 1)
			over <- time.Time{}
			w.after = over // patience is over at once
			var busy *BusyError
			require.ErrorAs(t, change(w), &busy)
			require.Empty(t, w.steps)
			release()
			w.after = make(chan time.Time)
			require.NoError(t, change(w))
			require.NotEmpty(t, w.steps)
		})
	}
}

// TestARowOfAnEmptyFileGoes.
func TestARowOfAnEmptyFileGoes(t *testing.T) {
	w := newWorld(t)
	delete(w.files, path)
	require.NoError(t, w.Empty(t.Context(), media.DeletedFile{ID: one, Path: path}))
	require.NotContains(t, w.rows, one)
	require.Equal(t, []string{"rows forget"}, w.steps)
}
