package recorder_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/wallclock"
)

// misled is a planned rig whose schedule doubts wrong clocks; its newest file is from the evening before.
func misled(t *testing.T, jobs ...recorder.ScheduleJob) *planned {
	t.Helper()
	p := newPlanned(t, jobs...)
	p.clock.set(p.day)
	log := slog.New(slog.DiscardHandler)
	wall := wallclock.New(setByHand{p.clock}, func() bool { return false }, log)
	wall.Seen("the newest file", p.day.Add(-2*time.Hour))
	p.Schedule = recorder.NewSchedule(p.Recorder, p.clock, wall, log, nil)
	p.Set(recorder.Agenda(jobs))
	return p
}

// setByHand is a clock that only moves when it is set.
type setByHand struct{ *handClock }

func (setByHand) Steady() time.Duration { return time.Hour }

// turn sets the clock without evaluating the schedule.
func (p *planned) turn(to time.Time) { p.clock.set(to) }

// A clock that is plainly wrong opens and closes no window: the stream is recorded, and the window that the right clock
// opens continues the same recording.
func TestUnderAWrongClockScheduledStreamsAreRecorded(t *testing.T) {
	for name, wrong := range map[string]time.Time{"1970": time.Unix(60, 0), "a year behind": at(t, "2025-05-05T20:00:00Z")} {
		t.Run(name, func(t *testing.T) {
			p := misled(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
			p.ask(7)
			require.Empty(t, p.Recording())
			p.turn(wrong)
			p.Apply()
			p.awaitRun(t, "a")
			plan := p.Streams()[0]
			require.True(t, plan.Record)
			require.True(t, plan.ClockWrong)
			require.Equal(t, "start 0 8 * * *", plan.Job)
			p.ask(8.5)
			require.Equal(t, 1, len(p.Status("a")))
			require.False(t, p.Streams()[0].ClockWrong)
			p.ask(10)
			p.awaitGone(t, "a")
			require.Empty(t, p.script.runs, "one recording")
			p.turn(wrong)
			p.Apply()
			p.awaitRun(t, "a")
			p.ask(11) // right again, and in no window
			p.awaitGone(t, "a")
		})
	}
}

func TestUnderAWrongClockAStopByHandHolds(t *testing.T) {
	p := misled(t, starts(t, "0 20 * * *", "UTC", 4*time.Hour))
	p.turn(time.Unix(60, 0))
	p.Apply()
	p.awaitRun(t, "a")
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)
	p.turn(time.Unix(90, 0))
	p.Apply()
	require.Empty(t, p.Status("a"))
	require.False(t, p.Streams()[0].Record)

	// As a restart finds them: one of the window that the newest file was in, and one
	// of long ago.
	p.RestoreStops(map[string]time.Time{"a": p.day.Add(-3 * time.Hour)})
	p.Apply()
	require.Empty(t, p.Status("a"))
	require.True(t, p.StoppedAt("a").Equal(p.day.Add(-3*time.Hour)), "it is not made one of 1970")
	p.RestoreStops(map[string]time.Time{"a": p.day.Add(-9 * 24 * time.Hour)})
	p.Apply()
	p.awaitRun(t, "a")
	p.ask(1)
	p.awaitGone(t, "a")
}

func TestUnderAWrongClockASourceThatHasEndedIsNotReadAgain(t *testing.T) {
	p := misled(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.turn(time.Unix(60, 0))
	p.Apply()
	p.awaitRun(t, "a")
	p.script.ends <- pipeline.End("end_of_file")
	p.awaitGone(t, "a")
	p.Apply()
	require.Empty(t, p.Recording())
}
