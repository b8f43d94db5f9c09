package footage

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// recovery returns the recovery of recording one, whose recorder had added all events but the
// given ones, whose file may not be protected, and which notifies no observer.
func (w *fixture) recovery(unmarked ...media.Event) Recovery {
	return Recovery{
		Recording: w.rows[one].Recording,
		Unmarked: func(_ context.Context, rec *media.Recording) []media.Event {
			for _, ev := range unmarked {
				rec.Events = media.JoinEvent(rec.Events, ev)
			}
			return unmarked
		},
		Tell:    func(context.Context, media.Recording) bool { return false },
		Protect: func(media.Recording, []media.Event) bool { return false },
	}
}

func told(context.Context, media.Recording) bool { return true }

func grant(media.Recording, []media.Event) bool { return true }

// TestARecoveredFileGetsItsRow checks the order: first the row, then the events that the file
// cannot name, then the file's events and its protection. After a cut at any step the row comes
// back, and file and row have the same protection.
func TestARecoveredFileGetsItsRow(t *testing.T) {
	named := media.Event{ID: media.ID{8}, Protect: true}
	steps := []string{"row put", "row pairs event", "file event", "file protect", "row protect"}
	for cut := range len(steps) + 1 {
		w := newFixture(t)
		how := w.recovery()
		how.Recording.State = media.StateRecovered
		how.Unmarked = func(_ context.Context, rec *media.Recording) []media.Event {
			rec.Events, rec.Beyond = []media.Event{named}, []media.Event{{ID: media.ID{9}}}
			return []media.Event{named, {ID: media.ID{9}}}
		}
		how.Protect = func(_ media.Recording, unmarked []media.Event) bool { return unmarked[0].Protect }
		delete(w.rows, one)
		w.cutAt = cut
		got := w.Recovered(t.Context(), how)
		require.False(t, got.Gone)
		require.Equal(t, 2, got.Unmarked)
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

// TestARecoveredFileIsChangedNoMoreThanItNeeds checks the cases in which an observer has put the
// row, the recorder had added all events, or no event may protect the file.
func TestARecoveredFileIsChangedNoMoreThanItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		told, unmarked, protect bool
		steps                   []string
	}{
		"told, may not":  {told: true},
		"told, unmarked": {told: true, unmarked: true, steps: []string{"file event"}},
		"may":            {told: true, protect: true, steps: []string{"file protect", "row protect"}},
		"all marked":     {steps: []string{"row put"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t)
			how, want := w.recovery(), Recovered{}
			if c.unmarked {
				how, want = w.recovery(media.Event{ID: media.ID{8}}), Recovered{Unmarked: 1}
			}
			if c.told {
				how.Tell = told
			}
			if c.protect {
				how.Protect = grant
			}
			require.Equal(t, want, w.Recovered(t.Context(), how))
			require.Equal(t, c.steps, w.steps)
		})
	}
}

// TestARecoveredFileThatIsGone checks that the row is deleted, even one that an observer put, and
// that no protection is counted.
func TestARecoveredFileThatIsGone(t *testing.T) {
	for _, all := range []bool{false, true} {
		w := newFixture(t)
		delete(w.files, path)
		how := w.recovery(media.Event{ID: media.ID{8}})
		how.Tell = func(context.Context, media.Recording) bool { return all }
		how.Protect = func(media.Recording, []media.Event) bool {
			require.FailNow(t, "granted to a file that is gone")
			return true
		}
		got := w.Recovered(t.Context(), how)
		require.Equal(t, Recovered{Gone: true, Unmarked: 1}, got)
		require.Equal(t, []string{"rows forget"}, w.steps)
		require.NotContains(t, w.rows, one)
	}
}

// TestOneChangeAtATime checks that every change of a row or its file waits for the change under
// way, and changes nothing if that takes too long.
func TestOneChangeAtATime(t *testing.T) {
	for name, change := range map[string]func(*fixture) error{
		"recovered": func(w *fixture) error {
			return w.Recovered(t.Context(), w.recovery(media.Event{ID: media.ID{8}})).RowError
		},
		"empty":     func(w *fixture) error { return w.Empty(t.Context(), media.DeletedFile{ID: one, Path: path}) },
		"pair":      func(w *fixture) error { return w.PairEvent(t.Context(), w.rows[one].Recording, media.Event{}) },
		"protected": func(w *fixture) error { _, err := w.Store.SetProtected(t.Context(), one, true); return err },
		"event":     func(w *fixture) error { _, err := w.AddEvent(t.Context(), one, media.Event{}); return err },
		"deleted":   func(w *fixture) error { return w.Delete(t.Context(), one) },
		"compared": func(w *fixture) error {
			return w.Alone(t.Context(), one, func(context.Context) error { return w.step("row put", func() {}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t)
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

// TestRecoveryReadsAndReportsEventsUnderItsClaim checks that its facts are read and reported while no other
// change of the recording is under way: an event added just before is in the row, and a later
// one waits until the row is put, so that neither is lost.
func TestRecoveryReadsAndReportsEventsUnderItsClaim(t *testing.T) {
	w := newFixture(t)
	first, second := media.Event{ID: media.ID{8}}, media.Event{ID: media.ID{9}}
	over := make(chan time.Time, 1)
	over <- time.Time{}
	w.after = over // a change that has to wait gives up at once
	meanwhile := func() {
		_, err := w.AddEvent(t.Context(), one, second)
		var busy *BusyError
		require.ErrorAs(t, err, &busy)
		over <- time.Time{}
	}
	how := w.recovery()
	_, err := w.AddEvent(t.Context(), one, first)
	require.NoError(t, err)
	how.Unmarked = func(_ context.Context, rec *media.Recording) []media.Event {
		rec.Events = w.rows[one].Events
		meanwhile()
		return nil
	}
	how.Tell = func(context.Context, media.Recording) bool {
		meanwhile()
		return false
	}
	require.Equal(t, Recovered{}, w.Recovered(t.Context(), how))
	_, err = w.AddEvent(t.Context(), one, second)
	require.NoError(t, err)
	require.Equal(t, []media.Event{first, second}, w.rows[one].Events)
}

// TestEmptyDeletesTheRow checks that Empty deletes the row.
func TestEmptyDeletesTheRow(t *testing.T) {
	w := newFixture(t)
	delete(w.files, path)
	require.NoError(t, w.Empty(t.Context(), media.DeletedFile{ID: one, Path: path}))
	require.NotContains(t, w.rows, one)
	require.Equal(t, []string{"rows forget"}, w.steps)
}
