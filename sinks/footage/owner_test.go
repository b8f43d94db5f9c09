package footage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

var changes = map[string]func(context.Context, *fixture, media.ID) error{
	"delete": func(ctx context.Context, w *fixture, id media.ID) error { return w.Delete(ctx, id) },
	"protect": func(ctx context.Context, w *fixture, id media.ID) error {
		_, err := w.SetProtected(ctx, id, true)
		return err
	},
	"event": func(ctx context.Context, w *fixture, id media.ID) error {
		_, err := w.AddEvent(ctx, id, media.Event{ID: media.ID{9}})
		return err
	},
}

// TestARowOfAnotherRecorder checks that a row of another recorder on the same database, whose
// path is another recording's here, changes neither that file nor a row.
func TestARowOfAnotherRecorder(t *testing.T) {
	for name, change := range changes {
		w := newFixture(t)
		theirs := media.ID{2}
		w.rows[theirs] = media.Record{Recording: media.Recording{ID: theirs, Path: path, State: media.StateFinished}, Node: "b", Elsewhere: true}
		var e *ElsewhereError
		require.ErrorAs(t, change(t.Context(), w, theirs), &e, name)
		require.Equal(t, "b", e.Node)
		require.Empty(t, w.steps, name)
	}
}

// TestAFileOfAnotherRecording checks that a file of another recording at our row's path is not
// changed, and that the row stays, too.
func TestAFileOfAnotherRecording(t *testing.T) {
	for name, change := range changes {
		w := newFixture(t)
		w.files[path].id = media.ID{2}
		var e *MistakenError
		require.ErrorAs(t, change(t.Context(), w, one), &e, name)
		require.ErrorIs(t, e, errOther)
		require.Empty(t, w.steps, name)
		require.Equal(t, 1, w.mistaken, name)
	}
	w := newFixture(t)
	w.files[path].id = media.ID{2}
	require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept)
	require.Empty(t, w.steps)
}

// TestDeleteRemovesTheRowOfALostRecording checks that a lost recording's row is deleted, and that another
// file at its path stays.
func TestDeleteRemovesTheRowOfALostRecording(t *testing.T) {
	w := newFixture(t)
	r := w.rows[one]
	r.State = media.StateLost
	w.rows[one] = r
	w.files[path].id = media.ID{2}
	require.NoError(t, w.Delete(t.Context(), one))
	require.Equal(t, []string{"row delete"}, w.steps)
	require.Contains(t, w.files, path)
}

// TestDeleteRefusesProtectedAndGrowingRecordings checks that protected and growing recordings are not deleted, and that a
// recording whose file is gone gets no event.
func TestDeleteRefusesProtectedAndGrowingRecordings(t *testing.T) {
	w := newFixture(t)
	r := w.rows[one]
	r.Protected = true
	w.rows[one] = r
	var protected *ProtectedError
	require.ErrorAs(t, w.Delete(t.Context(), one), &protected)
	require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept)
	r.Protected, r.State = false, media.StateRecording
	w.rows[one] = r
	var growing *GrowingError
	require.ErrorAs(t, w.Delete(t.Context(), one), &growing)
	require.Equal(t, "cam", growing.Stream)
	r.State = media.StateFinished
	w.rows[one] = r
	delete(w.files, path)
	for _, name := range []string{"protect", "event"} {
		var gone *GoneError
		require.ErrorAs(t, changes[name](t.Context(), w, one), &gone, name)
	}
	require.Empty(t, w.steps)
	require.NoError(t, w.Delete(t.Context(), one))
	require.NotContains(t, w.rows, one)
	require.Equal(t, []string{path}, w.deleted)
}

// TestAFileThatGetsItsFinalNameMeanwhile checks that the file is protected under its final name.
func TestAFileThatGetsItsFinalNameMeanwhile(t *testing.T) {
	w := newFixture(t)
	r := w.rows[one]
	r.Path, r.State = path+media.PartSuffix, media.StateRecording
	w.rows[one] = r
	_, err := w.SetProtected(t.Context(), one, true)
	require.NoError(t, err)
	require.True(t, w.files[path].protected)
}
