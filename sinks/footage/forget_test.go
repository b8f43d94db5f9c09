package footage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestTheRowsOfEvictedFilesGoUnderTheirClaims checks that all rows are deleted at once, and that
// the row of a recording that is being changed is deleted after them.
func TestTheRowsOfEvictedFilesGoUnderTheirClaims(t *testing.T) {
	w := newFixture(t)
	two, three := media.ID{2}, media.ID{3}
	w.add(two, "cam/2.mp4")
	w.add(three, "cam/3.mp4")
	gone := []media.DeletedFile{{ID: one, Path: path}, {ID: two, Path: "cam/2.mp4"}, {ID: three, Path: "cam/3.mp4"}, {ID: three, Path: "cam/copy.mp4"}}
	var forgotten [][]media.DeletedFile
	w.forgets = func(files []media.DeletedFile) {
		forgotten = append(forgotten, files)
		for _, f := range files {
			_, other := w.changing.try(f.ID)
			require.NotNil(t, other, "its recording is claimed")
		}
	}
	require.NoError(t, w.Alone(t.Context(), two, func(ctx context.Context) error {
		over := make(chan struct{})
		go func() { w.after <- time.Time{}; close(over) }() // the change of recording two waits until its patience is over
		var busy *BusyError
		require.ErrorAs(t, w.Forget(ctx, gone), &busy)
		<-over
		require.Equal(t, two, busy.ID)
		return nil
	}))
	require.Equal(t, [][]media.DeletedFile{{gone[0], gone[2], gone[3]}}, forgotten)
	require.Contains(t, w.rows, two)
	forgotten = nil
	require.NoError(t, w.Forget(t.Context(), gone))
	require.Equal(t, [][]media.DeletedFile{gone}, forgotten, "at once")
	require.Empty(t, w.changing.held)
	require.Empty(t, w.rows)
}

// TestAloneWithDoesNotWait checks that AloneWith does not wait, and makes no call if all
// recordings are being changed.
func TestAloneWithDoesNotWait(t *testing.T) {
	w := newFixture(t)
	two, failed := media.ID{2}, errors.New("failed")
	require.NoError(t, w.Alone(t.Context(), one, func(ctx context.Context) error {
		require.ErrorIs(t, w.AloneWith(ctx, []media.ID{one, two, two}, func(_ context.Context, free []media.ID) error {
			require.Equal(t, []media.ID{two}, free)
			return failed
		}), failed)
		require.NoError(t, w.AloneWith(ctx, []media.ID{one}, func(context.Context, []media.ID) error {
			t.Error("it was changed")
			return nil
		}))
		return nil
	}))
	require.Empty(t, w.changing.held)
}

// TestForgetInAHangingDatabaseBlocksNoOtherRecording checks that other recordings can be changed meanwhile.
func TestForgetInAHangingDatabaseBlocksNoOtherRecording(t *testing.T) {
	w := newFixture(t)
	two := media.ID{2}
	w.add(two, "cam/2.mp4")
	asked, answer := make(chan struct{}), make(chan struct{})
	w.forgets = func([]media.DeletedFile) { close(asked); <-answer }
	var all sync.WaitGroup
	all.Go(func() {
		require.NoError(t, w.Forget(t.Context(), []media.DeletedFile{{ID: one, Path: path}}))
	})
	<-asked
	require.NoError(t, w.Delete(t.Context(), two))
	close(answer)
	all.Wait()
	require.Empty(t, w.rows)
}
