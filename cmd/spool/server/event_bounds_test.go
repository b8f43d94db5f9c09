package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// protectedOf returns the protected recordings of a stream, by the catalogue and by the files.
func (r *eventFixture) protectedOf(records []media.Record, id media.ID) (protected []int, bytes int64) {
	r.t.Helper()
	_, protected = r.named(records, id)
	for _, i := range protected {
		bytes += records[i].SizeBytes
	}
	return protected, bytes
}

// fileSize returns the size of the first file that these tests record.
func fileSize(t *testing.T) int64 {
	r := newEventFixture(t, pipeline.ModeAlways, "", "max_duration: 2")
	f := r.publish("live/x", 25)
	f.feed(70 - f.frames)
	return f.end()[0].SizeBytes
}

// TestOneEventProtectsNoMoreThanItMay checks that an event protects the files nearest to its
// trigger among the finished, the growing and the coming ones. The other files name it, and the
// answer reports the limit.
func TestOneEventProtectsNoMoreThanItMay(t *testing.T) {
	size := fileSize(t)
	bound := 5*size + size/2
	r := newBoundedFixture(t, pipeline.ModeAlways, "before: 8, after: 6", "max_duration: 2", media.NewProtection(bound, 0))
	f := r.publish("live/x", 25)
	f.feed(20*25 + 5 - f.frames)
	taken, err := r.events(0, 0).Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1}, At: f.at(13), Before: 12 * time.Second, After: 30 * time.Second})
	require.NoError(t, err)
	require.Len(t, taken.Limited, 1)
	require.Contains(t, taken.Limited[0], "events.max_protect_bytes")
	require.GreaterOrEqual(t, len(taken.Recordings), 10)
	for i, rec := range taken.Recordings {
		require.NotEmpty(t, rec.Path)
		if i > 0 {
			require.Greater(t, rec.StartUTC, taken.Recordings[i-1].StartUTC)
		}
	}
	f.feed(20 * 25)
	records := f.end()
	named, _ := r.named(records, media.ID{1})
	require.Len(t, named, len(records), "each names it")
	protected, bytes := r.protectedOf(records, media.ID{1})
	require.LessOrEqual(t, bytes, bound+size, "the file that passes the bound while it grows is the last")
	require.Contains(t, protected, 6, "12-14: that of the trigger")
	require.NotContains(t, protected, 0)
	require.NotContains(t, protected, len(records)-1)
	page, err := r.events(0, 0).Events(t.Context(), media.EventQuery{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, len(records), page.Events[0].Total)
	require.Len(t, page.Events[0].Recordings, len(records))
}

// TestEventsTogetherProtectNoMoreThanTheyMay checks the common limit of events with different
// keys.
func TestEventsTogetherProtectNoMoreThanTheyMay(t *testing.T) {
	size := fileSize(t)
	r := newBoundedFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "max_duration: 2", media.NewProtection(0, 3*size+size/2))
	f := r.publish("live/x", 25)
	f.feed(30*25 - f.frames)
	records := f.end()
	for i := range records {
		at := time.Unix(0, records[i].StartUTC+5e8)
		_, err := r.events(0, 0).Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{2, byte(i)}, At: at, Before: 0, After: 0})
		require.NoError(t, err)
	}
	page, err := r.catalogue.Records(t.Context(), media.Query{Stream: "live/x", Ascending: true})
	require.NoError(t, err)
	protected, _ := r.protectedOf(page.Records, media.ID{2})
	require.Equal(t, []int{0, 1, 2}, protected)
}

// TestTheTimeBeforeATriggerIsLimited checks that the answer reports the reduced time
// before the trigger.
func TestTheTimeBeforeATriggerIsLimited(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "max_duration: 2")
	f := r.publish("live/x", 25)
	f.feed(20*25 - f.frames)
	e := r.events(0, 0)
	e.maxBefore = 3 * time.Second
	taken, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{3}, At: f.at(15), Before: time.Hour, After: 0})
	require.NoError(t, err)
	require.Equal(t, f.at(12), taken.Pipelines[0].Requested)
	require.Len(t, taken.Limited, 1)
	require.Contains(t, taken.Limited[0], "events.max_before")
	require.Less(t, len(taken.Recordings), 4)
}

// TestFootageBeginsAtAKeyFrame checks that the answer and the row name the key frame, in
// finished files and in the running recording.
func TestFootageBeginsAtAKeyFrame(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "max_duration: 6")
	f := r.publish("live/x", 50) // a key frame every two seconds
	f.feed(15*25 - f.frames)
	e := r.events(0, 0)
	for n, c := range []struct {
		at   float64
		want float64
	}{{13.5, 12}, {9.5, 8}, {7.2, 6}, {3.9, 2}, {0.3, 0}} { // before: 1
		id := media.ID{4, byte(n)}
		taken, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: id, Key: string(rune('a' + n)), At: f.at(c.at), Before: time.Second, After: 0})
		require.NoError(t, err)
		require.Equal(t, f.at(c.want), taken.Pipelines[0].Actual, "%v", c.at)
		page, err := e.Events(t.Context(), media.EventQuery{Key: string(rune('a' + n)), Limit: 1})
		require.NoError(t, err)
		require.Equal(t, f.at(c.want).UnixNano(), page.Events[0].ActualUTC, "%v", c.at)
	}
}

// TestAFileFinishedSinceItsRowWasReadHasItsKeyFrame gives a finished file by the name that it had while it grew, and by
// the ID of another recording.
func TestAFileFinishedSinceItsRowWasReadHasItsKeyFrame(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "max_duration: 6")
	f := r.publish("live/x", 50) // a key frame every two seconds
	f.feed(15*25 - f.frames)
	first := f.end()[0]
	require.Equal(t, media.StateFinished, first.State)
	for _, name := range []string{first.Path, first.Path + media.PartSuffix} {
		at := time.Unix(0, first.StartUTC)
		key, err := files{r.dir}.KeyFrame(name, first.ID, at.Add(3*time.Second))
		require.NoError(t, err)
		require.Equal(t, at.Add(2*time.Second), key)
		_, err = files{r.dir}.KeyFrame(name, media.ID{1}, at)
		require.ErrorIs(t, err, errForeign)
	}
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "other.mp4"), []byte("no movie"), 0o600))
	_, err := files{r.dir}.KeyFrame("other.mp4", first.ID, time.Unix(0, first.StartUTC))
	require.ErrorIs(t, err, errForeign)
	_, err = files{r.dir}.KeyFrame("none.mp4", first.ID, time.Unix(0, first.StartUTC))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, errForeign)
}

// TestEventBeforeTheFirstPicture triggers an event on a stream that is announced, armed or
// absent. In every mode the pipeline records it from the first key frame.
func TestEventBeforeTheFirstPicture(t *testing.T) {
	for name, mode := range map[string]pipeline.Mode{"event": pipeline.ModeEvent, "always": pipeline.ModeAlways} {
		for _, announced := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", announced", false: ", not there"}[announced], func(t *testing.T) {
				r := newEventFixture(t, mode, "before: 5, after: 2", "")
				e := r.events(5*time.Second, 2*time.Second)
				trigger := pipeline.Trigger{ID: media.ID{5}, Key: "k", At: time.Now(), Before: -1, After: 2 * time.Second, WaitUntil: time.Now().Add(time.Hour), Arm: !announced}
				var f *eventFeed
				if announced {
					f = r.announceAt("live/x", 25, trigger.At.UnixNano()+5e8)
				}
				taken, err := e.Trigger(t.Context(), "live/x", trigger)
				require.NoError(t, err)
				require.Equal(t, pipeline.EventWaiting, taken.Pipelines[0].Status)
				require.True(t, taken.Pipelines[0].Actual.IsZero(), "no instant that nothing is known of")
				if !announced {
					f = r.announceAt("live/x", 25, trigger.At.UnixNano()+5e8)
				}
				f.awaitSource()
				f.send(200)
				require.Eventually(t, func() bool {
					page, err := e.Events(t.Context(), media.EventQuery{Key: "k", Limit: 1})
					return err == nil && len(page.Events) == 1 && len(page.Events[0].Recordings) == 1 && page.Events[0].ActualUTC == trigger.At.UnixNano()+5e8
				}, time.Minute, 5*time.Millisecond)
				f.pub.Close(endcause.SourceLost)
			})
		}
	}
	r := newEventFixture(t, pipeline.ModeEvent, "before: 5, after: 2", "")
	_, err := r.events(0, 0).Trigger(t.Context(), "live/y", pipeline.Trigger{ID: media.ID{6}, At: time.Now(), Before: -1, After: -1, WaitUntil: time.Now().Add(time.Hour)})
	require.ErrorContains(t, err, "wait: 30 in the body", "an unknown stream may be a mistyped one")
}
