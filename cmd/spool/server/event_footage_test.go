package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// named returns which of a stream's recordings name an event and which are protected, in the
// catalogue and in the file.
func (r *eventFixture) named(records []media.Record, id media.ID) (named, protected []int) {
	r.t.Helper()
	for i, rec := range records {
		if slices.ContainsFunc(rec.Events, func(e media.Event) bool { return e.ID == id }) {
			named = append(named, i)
		}
		entry, err := mp4.ReadEntry(filepath.Join(r.dir, rec.Path))
		require.NoError(r.t, err)
		require.Equal(r.t, rec.Protected, entry.Protected, "%d: file and catalogue agree", i)
		require.Equal(r.t, rec.Events, entry.Events, "%d: and names the events that it names", i)
		if rec.Protected {
			protected = append(protected, i)
		}
	}
	return named, protected
}

// finished returns the content and the modification time of each finished file.
func (r *eventFixture) finished() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	require.NoError(r.t, filepath.WalkDir(r.dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".mp4" {
			return err
		}
		info, err := d.Info()
		require.NoError(r.t, err)
		b, err := os.ReadFile(name)
		out[name] = fmt.Sprintf("%x at %v", sha256.Sum256(b), info.ModTime())
		return err
	}))
	return out
}

// TestAPastEventMarksOnlyFilesOfItsTime checks that the growing file, which holds no media of
// the event, is not protected because of it.
func TestAPastEventMarksOnlyFilesOfItsTime(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 8, after: 6", "max_duration: 5")
	f := r.publish("live/x", 25)
	f.feed(23*25 - f.frames)
	var before map[string]string
	require.Eventually(t, func() bool { before = r.finished(); return len(before) >= 3 }, 30*time.Second, 5*time.Millisecond)
	done, err := r.events(0, 0).Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1}, At: f.at(9), Before: 3 * time.Second, After: 2 * time.Second})
	require.NoError(t, err)
	for file, is := range r.finished() {
		if was, there := before[file]; there {
			require.Equal(t, was, is, "%s is named and protected, and is the file that it was", file)
		}
	}
	require.Equal(t, pipeline.EventMarked, done.Pipelines[0].Status)
	f.feed(5 * 25)
	records := f.end()
	require.Len(t, records, 6)
	named, protected := r.named(records, media.ID{1})
	require.Equal(t, []int{1, 2}, named, "5-10 and 10-15")
	require.Equal(t, named, protected)
}

// TestEventReachesIntoEarlierRecordings checks events that begin before the media in memory.
// They protect the earlier recordings of events only if the trigger says so.
func TestEventReachesIntoEarlierRecordings(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeEvent, "before: 4, after: 2", "")
	e := r.events(0, 0)
	f := r.publish("live/x", 25)
	for n, at := range []int{10, 30, 50} {
		f.feed(at*25 + 20 - f.frames)
		trigger := pipeline.Trigger{ID: media.ID{byte(n)}, At: f.at(float64(at)), Before: []time.Duration{-1, 20 * time.Second, 19 * time.Second}[n], After: -1}
		if n == 2 {
			trigger.Protect = pipeline.ProtectOn
		}
		done, err := e.Trigger(t.Context(), "live/x", trigger)
		require.NoError(t, err)
		require.Equal(t, pipeline.EventStarted, done.Pipelines[0].Status)
		require.InDelta(t, at-4, f.second(done.Pipelines[0].Actual), 1.001)
	}
	f.feed(10 * 25)
	records := f.end()
	require.Len(t, records, 3)
	first, none := r.named(records[:2], media.ID{1})
	require.Equal(t, []int{0, 1}, first, "10 s is in the first recording")
	require.Equal(t, []int{1}, none, "the second, by the third event")
	last, protected := r.named(records, media.ID{2})
	require.Equal(t, []int{1, 2}, last)
	require.Equal(t, last, protected)
}

// TestEventAtTheBoundaryOfTwoFilesMarksBoth triggers an event while the first file is being finished
// and its row is not updated yet.
func TestEventAtTheBoundaryOfTwoFilesMarksBoth(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 0", "max_duration: 2")
	e := r.events(0, 0)
	f := r.publish("live/x", 25)
	const seams = 20
	for n := 1; n <= seams; n++ {
		seam := 2 * n
		f.feed(seam*25 + 27 - f.frames) // the chunk that begins the next file has just arrived
		_, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{byte(n)}, At: f.at(float64(seam) + 0.5), Before: time.Second, After: 0})
		require.NoError(t, err)
	}
	f.feed(50)
	records := f.end()
	for n := 1; n <= seams; n++ {
		named, _ := r.named(records, media.ID{byte(n)})
		require.Equal(t, []int{n - 1, n}, named, "seam %d", n)
	}
}

// TestEventsOfOneFileAtOnce sends many events together. The catalogue names each of them, and
// the file those that it has room for; it then records that it has no room for more.
func TestEventsOfOneFileAtOnce(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	file := f.end()[0]
	e := r.events(time.Second, time.Second)
	var logged bytes.Buffer
	e.log = slog.New(slog.NewTextHandler(&logged, nil))
	const triggers = 30
	var all sync.WaitGroup
	var failed [triggers]error
	for n := range triggers {
		all.Go(func() {
			_, failed[n] = e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1, byte(n)}, At: f.at(2), Before: -1, After: -1})
		})
	}
	all.Wait()
	require.Equal(t, [triggers]error{}, failed)
	rec, err := r.catalogue.Record(t.Context(), file.ID)
	require.NoError(t, err)
	require.Len(t, rec.Events, triggers)
	require.True(t, rec.Protected)
	entry, err := mp4.ReadEntry(filepath.Join(r.dir, file.Path))
	require.NoError(t, err)
	require.NotEmpty(t, entry.Events)
	require.Equal(t, rec.Events[:len(entry.Events)], entry.Events)
	require.Equal(t, triggers-len(entry.Events), strings.Count(logged.String(), "the event is in the catalogue but not in its file"), logged.String())
}

// TestFileWithTheMaximumOfEventNames checks that only the catalogue records further events of a file that
// has no room for their names.
func TestFileWithTheMaximumOfEventNames(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	full := f.end()[0]
	for n := range media.MaxEvents {
		full.Events = append(full.Events, media.Event{ID: media.ID{2, byte(n)}, AtUTC: full.StartUTC, StartUTC: full.StartUTC, EndUTC: full.EndUTC})
	}
	require.NoError(t, r.catalogue.Put(t.Context(), full.Recording))
	e := r.events(time.Second, time.Second)
	taken, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1}, Key: "one", At: f.at(2), Before: -1, After: -1})
	require.NoError(t, err)
	require.Equal(t, pipeline.EventMarked, taken.Pipelines[0].Status)
	require.Len(t, taken.Recordings, 1)
	require.True(t, taken.Recordings[0].Protected)
	rec, err := r.catalogue.Record(t.Context(), full.ID)
	require.NoError(t, err)
	require.True(t, rec.Protected)
	require.Len(t, rec.Events, media.MaxEvents)
	require.Equal(t, []media.ID{full.ID}, r.footageOf("one"))
}

// footageOf returns the recordings that the catalogue lists for an event.
func (r *eventFixture) footageOf(key string) (ids []media.ID) {
	r.t.Helper()
	page, err := r.events(0, 0).Events(r.t.Context(), media.EventQuery{Key: key, Limit: 1})
	require.NoError(r.t, err)
	require.Len(r.t, page.Events, 1, key)
	for _, rec := range page.Events[0].Recordings {
		ids = append(ids, rec.ID)
	}
	return ids
}

// TestMoreEventsThanFilesName sends many events together that reach into the next file. Each
// answer reports the mark, and the catalogue lists both files for each event.
func TestMoreEventsThanFilesName(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 2", "max_duration: 4")
	r.footage.SearchWait, r.footage.Patience = time.Hour, time.Hour // after SearchWait an answer may name another file, or none
	f := r.publish("live/x", 25)
	f.feed(7*25 + 5 - f.frames)
	e := r.events(time.Second, 2*time.Second)
	const triggers = media.MaxEvents + 24
	var all sync.WaitGroup
	var failed [triggers]error
	var marked [triggers]int
	for n := range triggers {
		all.Go(func() {
			var taken api.Taken
			taken, failed[n] = e.Trigger(t.Context(), "live/x", pipeline.Trigger{
				ID: media.ID{1, byte(n), byte(n >> 8)}, Key: strconv.Itoa(n), Data: json.RawMessage(`{"n":1}`), At: f.at(7), Before: -1, After: -1,
			})
			marked[n] = len(taken.Recordings)
		})
	}
	all.Wait()
	require.Equal(t, [triggers]error{}, failed)
	for n, files := range marked {
		require.Equal(t, 1, files, "the answer to %d names the file that grows", n)
	}
	f.feed(5 * 25)
	records := f.end()
	require.Len(t, records, 4)
	for n := range triggers {
		require.Equal(t, []media.ID{records[1].ID, records[2].ID}, r.footageOf(strconv.Itoa(n)), "%d", n)
	}
	require.Len(t, records[1].Events, media.MaxEvents)
	require.Len(t, records[2].Events, media.MaxEvents)
	require.Empty(t, records[3].Events)
}

// TestEventIsStoredBeforeTheResponse checks that an event is stored before the response, whatever
// becomes of its mark, its files and its first frame. If it cannot be stored, the response is an
// error.
func TestEventIsStoredBeforeTheResponse(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeEvent, "before: 1, after: 2", "")
	e := r.events(time.Second, 2*time.Second)
	at := time.Now()
	trigger := pipeline.Trigger{ID: media.ID{1}, Key: "waits", Name: "bell", At: at, Before: 3 * time.Second, After: time.Minute, WaitUntil: at.Add(time.Hour), Arm: true}
	taken, err := e.Trigger(t.Context(), "live/x", trigger)
	require.NoError(t, err)
	require.Equal(t, pipeline.EventWaiting, taken.Pipelines[0].Status)
	page, err := r.catalogue.Events(t.Context(), media.EventQuery{Key: "waits", Limit: 1})
	require.NoError(t, err)
	require.Len(t, page.Events, 1)
	got := page.Events[0]
	require.Equal(t, "bell", got.Name)
	require.Equal(t, [3]int64{at.UnixNano(), at.Add(-3 * time.Second).UnixNano(), at.Add(time.Minute).UnixNano()}, [3]int64{got.AtUTC, got.StartUTC, got.EndUTC})
	require.Zero(t, got.GoneUTC)

	full, err := metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(r.dir, "away", "spool.db"), JournalDir: filepath.Join(r.dir, "full"),
		Node: "test", Clock: pipeline.SystemClock, Tasks: r.tasks, MaxJournalBytes: 1,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, full.Close(context.Background())) })
	require.NoError(t, full.PutEvents(t.Context(), media.Recording{Stream: "live/x"}, got.Event))
	e.recordings.catalogue = full
	_, err = e.Trigger(t.Context(), "live/x", trigger)
	var refused *api.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusServiceUnavailable, refused.Code)
	require.Contains(t, refused.Text, "the journal is full; try again with the same key")
	e.recordings.catalogue = r.catalogue
	_, err = e.Trigger(t.Context(), "live/x", trigger)
	require.NoError(t, err)
}

// TestRecordingsOfAnotherRecorderAreLeftUnchanged checks that a recorder leaves the rows of another recorder on the
// same database unchanged: it does not have the files, and both recorders would call a changed
// row lost.
func TestRecordingsOfAnotherRecorderAreLeftUnchanged(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	own := f.end()[0]
	other, err := metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(r.dir, "spool.db"), JournalDir: filepath.Join(r.dir, "journal-other"),
		Node: "other", Clock: pipeline.SystemClock, Tasks: r.tasks,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close(context.Background())) })
	theirs := own.Recording
	theirs.ID = media.ID{0xff}
	require.NoError(t, other.Put(t.Context(), theirs))
	growing := theirs
	growing.ID, growing.State = media.ID{0xff, 1}, media.StateRecording
	require.NoError(t, other.Put(t.Context(), growing))
	require.NoError(t, other.Flush(t.Context()))
	done, err := r.events(time.Second, time.Second).Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1}, At: f.at(2), Before: -1, After: -1})
	require.NoError(t, err)
	require.Len(t, done.Pipelines, 1)
	require.NoError(t, r.catalogue.Flush(t.Context()))
	page, err := r.catalogue.Records(t.Context(), media.Query{Stream: "live/x"})
	require.NoError(t, err)
	require.Len(t, page.Records, 3)
	for _, rec := range page.Records {
		require.Equal(t, rec.ID == own.ID, len(rec.Events) == 1, rec.ID)
		require.Equal(t, rec.ID == own.ID, rec.Node == "test", rec.Node)
	}
}

// TestEventOfADeletedFile checks that an event marks nothing while the file is gone, whether
// it should protect the file or not. When the file is back, the same event marks it.
func TestEventOfADeletedFile(t *testing.T) {
	for _, protect := range []pipeline.Protect{pipeline.ProtectOff, pipeline.ProtectOn} {
		r := newEventFixture(t, pipeline.ModeAlways, "", "")
		f := r.publish("live/x", 25)
		f.feed(5*25 - f.frames)
		records := f.end()
		require.Len(t, records, 1)
		file := filepath.Join(r.dir, records[0].Path)
		require.NoError(t, os.Rename(file, file+".away"))
		trigger := pipeline.Trigger{ID: media.ID{1}, At: f.at(2), Before: time.Second, After: time.Second, Protect: protect}
		_, err := r.events(0, 0).Trigger(t.Context(), "live/x", trigger)
		var e *api.Error
		require.ErrorAs(t, err, &e)
		require.Contains(t, e.Text, "is gone")
		require.NoError(t, os.Rename(file+".away", file))
		taken, err := r.events(0, 0).Trigger(t.Context(), "live/x", trigger)
		require.NoError(t, err)
		require.Equal(t, protect == pipeline.ProtectOn, taken.Recordings[0].Protected)
	}
}

// pastClock is a clock that shows one time.
type pastClock struct {
	pipeline.Clock
	now time.Time
}

func (c pastClock) Now() time.Time { return c.now }

// TestAnEventAfterTheEndOfTheRecordingEndsWithTheFootage checks that the answer and the row do not promise media that
// nothing records. An event whose footage reaches its end is not limited.
func TestAnEventAfterTheEndOfTheRecordingEndsWithTheFootage(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 8, after: 6", "max_duration: 5")
	e := r.events(8*time.Second, 6*time.Second)
	f := r.publish("live/x", 25)
	f.feed(12*25 - f.frames)
	records := f.end()
	end := time.Unix(0, records[len(records)-1].EndUTC)
	for name, c := range map[string]struct {
		at, before, now time.Time
		why             string
	}{
		"after the end":         {at: f.at(14), before: f.at(6), now: f.at(14), why: "live/x: no such stream"},
		"before the end":        {at: f.at(11), before: f.at(3), now: f.at(14), why: "live/x: no such stream"},
		"all of it in the past": {at: f.at(14), before: f.at(6), now: f.at(30)},
	} {
		e.clock = pastClock{e.clock, c.now}
		id := media.EventID("live/x", name)
		taken, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: id, Key: name, At: c.at, Before: -1, After: -1})
		require.NoError(t, err, name)
		done := taken.Pipelines[0]
		require.Equal(t, pipeline.EventMarked, done.Status, name)
		require.Equal(t, c.before, done.Requested, name)
		require.True(t, end.Equal(done.Until), "%s: until %v, the footage ends at %v", name, done.Until, end)
		require.Len(t, taken.Limited, 1, name)
		require.Contains(t, taken.Limited[0], "after: the footage ends at "+end.UTC().Format(time.RFC3339), name)
		require.Contains(t, taken.Limited[0], c.why, name)
		require.Equal(t, c.why != "", strings.Contains(taken.Limited[0], "no such stream"), name)
		page, err := e.Events(t.Context(), media.EventQuery{Key: name, Limit: 1})
		require.NoError(t, err, name)
		require.Equal(t, max(end.UnixNano(), c.at.UnixNano()), page.Events[0].EndUTC, "%s: the row ends with the footage, but not before its trigger", name)
	}
	taken, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{3}, At: f.at(4), Before: -1, After: 2 * time.Second})
	require.NoError(t, err)
	require.Equal(t, f.at(6), taken.Pipelines[0].Until)
	require.Empty(t, taken.Limited)
}
