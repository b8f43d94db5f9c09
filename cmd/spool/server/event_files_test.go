package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// asked is a trigger of a random sequence.
type asked struct {
	id    media.ID
	done  pipeline.Triggered
	inWin bool // its time lies within the ring's own window
}

// TestRandomEventsInRealFiles sends random triggers to fifty streams. Each event is in a
// recording that holds all of its time that the stream and the ring had, and every file of that
// time names it. No frame is in two files, and none is lost where a recording continues in the
// next one.
func TestRandomEventsInRealFiles(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeEvent, "before: 4, after: 2", "")
	random := rand.New(rand.NewPCG(1, 2))
	rolled := 0
	for n := range 50 {
		f := r.publish(fmt.Sprintf("live/s%d", n), []int{12, 25, 50, 180}[random.IntN(4)])
		var all []asked
		for range 1 + random.IntN(6) {
			f.feed(random.IntN(200))
			all = append(all, f.ask(random))
		}
		f.feed(random.IntN(300))
		files := f.end()
		recordings, of := f.recordings(files)
		rolled += len(files) - len(recordings)
		for _, a := range all {
			i, ok := of[a.id]
			require.True(t, ok, "%s: event without a file", f.path)
			rec := recordings[i]
			require.Equal(t, a.done.Actual.UnixNano(), rec[0].StartUTC)
			require.GreaterOrEqual(t, rec[len(rec)-1].EndUTC, min(a.done.Until.UnixNano(), f.at(float64(f.frames)/25).UnixNano()))
			if a.done.Status == pipeline.EventStarted && a.inWin && i == 0 {
				require.LessOrEqual(t, rec[0].StartUTC, a.done.Requested.UnixNano(), "%s: pre-roll", f.path)
			}
			for _, file := range files {
				if file.StartUTC < a.done.Until.UnixNano() && file.EndUTC > a.done.Requested.UnixNano() {
					require.True(t, slices.ContainsFunc(file.Events, func(e media.Event) bool { return e.ID == a.id }), "%s does not name event %s", file.Path, a.id)
				}
			}
		}
	}
	require.Greater(t, rolled, 10, "or the longest file was not tried")
}

// ask sends a random trigger.
func (f *eventFeed) ask(random *rand.Rand) asked {
	f.t.Helper()
	a := asked{id: media.NewID(time.Now())}
	trigger := pipeline.Trigger{
		ID: a.id, At: f.at(float64(f.frames)/25 - []float64{0, 0, 1, 3}[random.IntN(4)]), Before: -1, After: -1,
		Max: []time.Duration{0, 0, 3 * time.Second}[random.IntN(3)],
	}
	if random.IntN(3) == 0 {
		trigger.Before = time.Duration(random.IntN(3000)) * time.Millisecond
	}
	done, err := f.events(4*time.Second, 2*time.Second).Trigger(f.t.Context(), f.path, trigger)
	require.NoError(f.t, err)
	a.done = done.Pipelines[0]
	a.inWin = f.second(a.done.Requested) >= max(float64(f.frames)/25-4, 0)
	return a
}

// recordings joins the files that continue each other, and returns the newest recording that
// names each event.
func (f *eventFeed) recordings(files []media.Record) (all [][]media.Record, of map[media.ID]int) {
	f.t.Helper()
	of = map[media.ID]int{}
	last, shown := -1, f.numbers(files)
	for i, file := range files {
		first, to := f.whole(file, shown[i])
		if i > 0 && files[i-1].EndReason == endcause.MaxDuration {
			require.Equal(f.t, last+1, first, "a picture is lost where a file is long enough")
			all[len(all)-1] = append(all[len(all)-1], file)
		} else {
			require.Greater(f.t, first, last, "a picture in two files")
			all = append(all, []media.Record{file})
		}
		last = to
		for _, e := range file.Events {
			of[e.ID] = len(all) - 1
		}
	}
	return all, of
}
