package stages

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func eventMark(pool *media.Pool, n byte, from, to float64) *media.Chunk {
	at := func(s float64) int64 { return pipelinetest.StartUTC + int64(s*1e9) }
	return pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &media.Event{
		ID: media.ID{n}, AtUTC: at(from), StartUTC: at(from), EndUTC: at(to),
	}})
}

func ids(events []media.Event) (out []byte) {
	for _, e := range events {
		out = append(out, e.ID[0])
	}
	return out
}

// An event goes on in the next file for as long as it lasts, and no longer.
func TestEventsGoOnInTheNextFile(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(3 * time.Second)}, nil)
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 25*10+1)
	r.feed(eventMark(pool, 1, 0, 2)) // known before the file begins
	r.feed(shot[0])
	r.feed(eventMark(pool, 2, 1, 5)) // reaches into the second file
	r.feed(shot[1:]...)
	r.flush()
	require.Len(t, r.segments, 4)
	require.Equal(t, []byte{1}, ids(r.segments[0].Events))
	require.Equal(t, []byte{2}, ids(r.segments[1].Events))
	require.Empty(t, r.segments[2].Events)
}

// Each lasting event goes on in the next file, up to a bound; the events beyond it are counted.
func TestLastingEventsBeyondTheBoundOfAFileAreCounted(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(3 * time.Second)}, nil)
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 25*5+1)
	r.feed(shot[0])
	s := r.seg.(*segmenter)
	open := make([]media.Event, media.MaxOpenEvents-1)
	for n := range open {
		open[n] = media.Event{ID: media.ID{0, 1, byte(n), byte(n >> 8)}, EndUTC: pipelinetest.StartUTC + 1e12}
	}
	s.events = open
	for _, e := range open {
		s.ends[e.ID] = e.EndUTC
	}
	r.feed(eventMark(pool, 1, 1, 1000), eventMark(pool, 2, 1, 1000), eventMark(pool, 1, 1, 1001))
	r.feed(shot[1:]...)
	var out pipeline.Report
	s.Report(&out)
	r.flush()
	require.Len(t, r.segments[1].Events, media.MaxOpenEvents)
	require.EqualValues(t, 1, s.forgotten.Load())
	require.Contains(t, strings.Join(out.Warnings, "\n"), "1 events are recorded only in the file of their trigger")
}

// The time between two events was not requested, so it is no gap.
func TestTheTimeBetweenTwoEventsIsNoGap(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newReel(t, SegmenterConfig{}, &pipeline.Ended{Err: errors.New("disk"), At: time.Unix(0, 0)})
	r.seg.(*segmenter).set.Mode = pipeline.ModeEvent
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 25*10+1)
	r.feed(eventMark(pool, 1, 0, 100), shot[0], shot[1]) // the clock was set back since
	r.feed(pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEnd, End: endcause.Event}))
	for _, c := range shot[2:6] {
		c.Release()
	}
	r.feed(eventMark(pool, 2, 6, 7), shot[6])
	r.feed(shot[9]) // and this is one
	shot[7].Release()
	shot[8].Release()
	r.flush()
	require.Equal(t, []media.Cause{endcause.Event, endcause.Gap}, r.ends()[:2])
	require.True(t, r.segments[0].Gap.None(), "the time before the run is no gap either")
	require.True(t, r.segments[1].Gap.None())
	require.Equal(t, []byte{2}, ids(r.segments[1].Events), "the event of the file before is over")
}

// A file without footage of an ended event does not list it, as that would protect the file for nothing.
func TestAnEndedEventIsNotListedInTheNextFile(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(3 * time.Second)}, nil)
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 25*8+1)
	r.feed(shot[:5]...)              // the file that is open began at 3 s
	r.feed(eventMark(pool, 1, 1, 3)) // was over by then
	r.feed(eventMark(pool, 2, 1, 3.1))
	r.feed(shot[5:]...)
	r.flush()
	require.Empty(t, ids(r.segments[0].noted))
	require.Equal(t, []byte{2}, ids(r.segments[1].noted))
	require.Empty(t, r.segments[2].Events)
}

// An event after a step belongs to the growing file, even if by its times it ends before that file began or begins
// long after. It goes on in the file that the step begins, for as long as it lasts.
func TestAnEventAfterAStepBelongsToTheGrowingFile(t *testing.T) {
	for _, step := range []float64{-3600, 3600} {
		pool := pipelinetest.Pool(t)
		r := newReel(t, SegmenterConfig{}, nil)
		cam := pipelinetest.NewCamera(t, pool)
		r.feed(cam.Shoot(t, 25*3+1)...)
		r.feed(eventMark(pool, 3, 1, 6)) // lasts beyond the step
		r.set(cam, time.Duration(step*1e9))
		r.feed(eventMark(pool, 1, step+3, step+4.9))
		r.feed(eventMark(pool, 2, step-5, step-0.1)) // before the file, by the clock as it is now
		r.feed(cam.Shoot(t, 25*3)...)
		r.flush()
		require.Len(t, r.segments, 2)
		require.Equal(t, []byte{3, 1}, ids(r.segments[0].noted), "step of %v s", step)
		require.Equal(t, []byte{3, 1}, ids(r.segments[1].Events), "step of %v s", step)
	}
}
