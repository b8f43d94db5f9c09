package footage

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestAHangingDatabaseBlocksOnlyItsRecording checks that a hang for one recording blocks no other, and that a second
// change of the same recording fails when its patience is over.
func TestAHangingDatabaseBlocksOnlyItsRecording(t *testing.T) {
	w := newFixture(t)
	two, three := media.ID{2}, media.ID{3}
	w.add(two, "cam/2.mp4")
	w.add(three, "cam/3.mp4")
	w.hangs[one] = true
	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	var err error
	first.Go(func() { err = w.Delete(ctx, one) })
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.asked == 1
	}, time.Minute, time.Millisecond)
	require.NoError(t, w.Delete(t.Context(), two))
	_, perr := w.Store.SetProtected(t.Context(), three, true)
	require.NoError(t, perr)
	require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept, "nor does retention wait")
	var second sync.WaitGroup
	var busy *BusyError
	second.Go(func() {
		_, err := w.Store.SetProtected(t.Context(), one, true)
		require.ErrorAs(t, err, &busy)
	})
	w.after <- time.Time{} // only that change waits
	second.Wait()
	cancel()
	first.Wait()
	require.ErrorIs(t, err, context.Canceled)
	w.hangs[one] = false
	require.NoError(t, w.Delete(t.Context(), one), "nothing of it is claimed any more")
}

// TestEvictionDuringAHang checks that eviction relies on the files, and does not query the
// database for each.
func TestEvictionDuringAHang(t *testing.T) {
	w := newFixture(t)
	w.files[path].protected = true
	w.hangs[one] = true
	for n := byte(2); n < 10; n++ {
		w.add(media.ID{n}, string('a'+n))
		w.hangs[media.ID{n}] = true
	}
	require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept)
	for n := byte(2); n < 10; n++ {
		require.NoError(t, w.Evict(t.Context(), media.DeletedFile{ID: media.ID{n}, Path: string('a' + n)}, false))
	}
	require.Len(t, w.files, 1)
	require.Equal(t, 1, w.asked)
	w.now = w.now.Add(silenceLasts)
	w.hangs[one], w.files[path].protected = false, false
	r := w.rows[one]
	r.Protected = true
	w.rows[one] = r
	require.ErrorIs(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false), ErrKept, "the row is asked again")
}

// TestEvictionOfAnOrphan checks that eviction does not read an orphan, which may be incomplete.
func TestEvictionOfAnOrphan(t *testing.T) {
	w := newFixture(t)
	w.files[path].id = media.ID{}
	require.NoError(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, true))
	w.files["tmp"] = &file{}
	require.NoError(t, w.Evict(t.Context(), media.DeletedFile{Path: "tmp"}, false))
	require.Empty(t, w.files)
}

// TestChangesOfOneRecordingAtOnce checks that no event is lost and that file and row agree.
func TestChangesOfOneRecordingAtOnce(t *testing.T) {
	w := newFixture(t)
	var all sync.WaitGroup
	const n = 50
	for i := range byte(n) {
		all.Go(func() {
			_, err := w.AddEvent(t.Context(), one, media.Event{ID: media.ID{9, i}})
			require.NoError(t, err)
		})
		all.Go(func() {
			_, err := w.Store.SetProtected(t.Context(), one, i%2 == 0)
			require.NoError(t, err)
		})
	}
	all.Wait()
	r, f := w.rows[one], w.files[path]
	require.Len(t, r.Events, n)
	require.Equal(t, r.Events, f.events)
	require.Equal(t, r.Protected, f.protected)
}

// TestAFullRecordingIsPairedInTheCatalogueOnly checks that only the catalogue links a full recording to the event.
func TestAFullRecordingIsPairedInTheCatalogueOnly(t *testing.T) {
	w := newFixture(t)
	r := w.rows[one]
	for n := range media.MaxEvents {
		r.Events = append(r.Events, media.Event{ID: media.ID{2, byte(n)}})
	}
	w.rows[one] = r
	m, err := w.AddEvent(t.Context(), one, media.Event{ID: media.ID{9}})
	require.NoError(t, err)
	require.True(t, m.Beyond)
	require.Equal(t, []string{"row pairs event"}, w.steps)
}
