package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// impatient is a clock whose waits end at once.
type impatient struct{ pipeline.Clock }

func (impatient) After(time.Duration) (<-chan time.Time, func()) {
	over := make(chan time.Time, 1)
	over <- time.Time{}
	return over, func() {}
}

// endless is a clock whose waits never end.
type endless struct{ pipeline.Clock }

func (endless) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

// TestAnEventWaitsForAnUnfinishedFile checks that an event waits for a file that this run
// writes, for as long as the clock says. It does not wait for a file of an earlier run, although
// its ID is newer.
func TestAnEventWaitsForAnUnfinishedFile(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	at := time.Now()
	rec := media.Recording{
		Stream: "live/x", Pipeline: "events", Path: "a.mp4.part", State: media.StateRecording,
		StartUTC: at.Add(-time.Minute).UnixNano(), EndUTC: at.Add(time.Minute).UnixNano(),
	}
	earlier, err := metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(r.dir, "spool.db"), JournalDir: filepath.Join(r.dir, "journal-earlier"),
		Node: "test", Clock: pipeline.SystemClock, Tasks: r.tasks,
	})
	require.NoError(t, err)
	rec.ID = media.NewID(at.Add(time.Hour))
	require.NoError(t, earlier.Put(t.Context(), rec))
	require.NoError(t, earlier.Ready(t.Context()))
	require.NoError(t, earlier.Close(t.Context()))

	e := r.events(time.Second, time.Second)
	trigger := pipeline.Trigger{ID: media.ID{1}, At: at, Before: -1, After: -1}
	r.footage.Clock = endless{pipeline.SystemClock}
	_, err = e.Trigger(t.Context(), "live/x", trigger)
	var refused *api.Error
	require.ErrorAs(t, err, &refused)
	require.NotContains(t, refused.Text, "not finished yet")

	rec.ID, rec.Path = media.NewID(at.Add(-time.Hour)), "b.mp4.part"
	require.NoError(t, r.catalogue.Put(t.Context(), rec))
	r.footage.Clock = impatient{pipeline.SystemClock}
	_, err = e.Trigger(t.Context(), "live/x", trigger)
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Text, "not finished yet")
}
