package recorder_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/recorder"
)

// planned is a rig with a schedule that the test evaluates.
type planned struct {
	*rig
	*recorder.Schedule
	day    time.Time
	events []string
}

func newPlanned(t *testing.T, jobs ...recorder.ScheduleJob) *planned {
	t.Helper()
	return planOn(t, newRig(t, pipeline.ModeManual), jobs...)
}

func planOn(t *testing.T, b *rig, jobs ...recorder.ScheduleJob) *planned {
	t.Helper()
	p := &planned{rig: b, day: at(t, "2026-05-05T00:00:00Z")}
	p.dir.conf["a"] = true
	p.Schedule = recorder.NewSchedule(p.Recorder, p.clock, nil, slog.New(slog.DiscardHandler), func(j recorder.ScheduleJob) error {
		p.events = append(p.events, j.Name)
		return nil
	})
	p.Set(recorder.Agenda(jobs))
	return p
}

// ask sets the clock to an hour of the day and evaluates the schedule.
func (p *planned) ask(hour float64) time.Duration {
	p.clock.set(p.day.Add(time.Duration(hour * float64(time.Hour))))
	return p.Apply()
}

func (p *planned) recorded(t *testing.T, hour float64) {
	t.Helper()
	p.ask(hour)
	p.awaitRun(t, "a")
}

func TestWindowIsRecordedAndEnds(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.ask(7)
	require.Empty(t, p.Recording())
	require.Equal(t, time.Second, p.ask(8-1.0/3600), "the next question comes with the window")
	p.recorded(t, 8)
	require.Equal(t, 10*time.Second, p.ask(9), "a step of the clock is noticed soon")
	require.Len(t, p.Recording(), 1)
	p.ask(10)
	p.awaitGone(t, "a")
	require.Empty(t, p.script.runs, "one window, one run")
}

// The process starts in the middle of a window.
func TestRestartInTheMiddleRecordsTheRest(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.recorded(t, 9.5)
	p.ask(10)
	p.awaitGone(t, "a")
}

// The clock is an hour wrong until it is set.
func TestStepOfTheClock(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.ask(7.5)
	p.recorded(t, 8.5) // forward, into the window
	p.ask(7.5)         // back, out of it
	p.awaitGone(t, "a")
	p.recorded(t, 8.5)
	p.ask(9.5) // forward, within it
	require.Len(t, p.Status("a"), 1)
	p.ask(10.5)
	p.awaitGone(t, "a")
	require.Empty(t, p.script.runs)
}

func TestOverlappingWindowsAreOneRecording(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour), starts(t, "0 9 * * *", "UTC", 2*time.Hour), starts(t, "0 11 * * *", "UTC", time.Hour))
	p.recorded(t, 8)
	p.awaitCounted(t, "a")
	for _, hour := range []float64{9, 10, 10.5, 11, 11.9} {
		p.ask(hour)
		require.Equal(t, 1, p.Status("a")[0].Runs)
	}
	p.ask(12)
	p.awaitGone(t, "a")
	require.Empty(t, p.script.runs)
}

func TestStopByHandWinsUntilTheNextWindow(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8,10 * * *", "UTC", 90*time.Minute))
	p.recorded(t, 8)
	p.clock.set(p.day.Add(8*time.Hour + time.Minute))
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)
	p.ask(9)
	require.Empty(t, p.Status("a"))
	plan := p.Streams()[0]
	require.False(t, plan.Record)
	require.True(t, plan.Stopped.Equal(p.day.Add(8*time.Hour+time.Minute)))
	p.recorded(t, 10)
	require.True(t, p.Streams()[0].Record)
}

// A stop under a clock that was days ahead does not last for days.
func TestStopByHandBeforeTheClockWasSetBack(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.recorded(t, 48+8.5)
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)
	p.ask(8.5)
	require.Empty(t, p.Status("a"), "in the window that is now")
	p.recorded(t, 24+8)
}

func TestStopByHandHoldsAcrossARestart(t *testing.T) {
	job := starts(t, "0 8,10 * * *", "UTC", 90*time.Minute)
	p := newPlanned(t, job)
	p.recorded(t, 8)
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)

	again := newPlanned(t, job)
	again.RestoreStops(p.Stops([]string{"a"}))
	again.ask(9)
	require.Empty(t, again.Status("a"))
	again.recorded(t, 10)
}

// The next window ends the stop by hand, for the pipelines that always record, too.
func TestNextWindowEndsTheStopByHand(t *testing.T) {
	p := planOn(t, newRig(t, pipeline.ModeAlways, pipeline.ModeEvent), starts(t, "0 8 * * *", "UTC", time.Hour))
	p.dir.setLive("a", true)
	p.clock.set(p.day.Add(7 * time.Hour))
	p.PublisherCame("a")
	p.awaitRun(t, "a")
	p.awaitRun(t, "a") // the event pipeline is armed
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)
	p.recorded(t, 8)
	p.ask(9)
	require.Len(t, p.Status("a"), 2, "the always pipelines outlast the window")
	require.NoError(t, p.Abandon(t.Context(), "a"))
	p.PublisherCame("a")
	p.awaitRun(t, "a")
	p.awaitRun(t, "a")
}

// The end of a window does not end a recording that was started by hand.
func TestStartByHandOutlastsTheWindow(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", time.Hour))
	p.ask(7)
	_, err := p.Start("a", recorder.StartOptions{})
	require.NoError(t, err)
	p.awaitRun(t, "a")
	p.ask(8)
	p.ask(9)
	select {
	case p.script.ends <- pipeline.End(endcause.SourceLost):
		p.awaitRun(t, "a")
	case <-time.After(time.Minute):
		require.Fail(t, "it was ended with the window")
	}
}

// A start by hand ends the stop by hand; with a duration it does not prolong the recording of the schedule.
func TestStartByHandInAWindow(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", 2*time.Hour))
	p.recorded(t, 8)
	_, err := p.Stop(t.Context(), "a")
	require.NoError(t, err)
	_, err = p.Start("a", recorder.StartOptions{})
	require.NoError(t, err)
	p.awaitRun(t, "a")
	p.ask(9)
	require.True(t, p.Streams()[0].Record)
	_, err = p.Stop(t.Context(), "a")
	require.NoError(t, err)

	p.recorded(t, 32)
	already, err := p.Start("a", recorder.StartOptions{Duration: 24 * time.Hour})
	require.NoError(t, err)
	require.True(t, already)
	p.ask(34)
	p.awaitGone(t, "a")
}

func TestSourceThatHasEndedIsNotReadAgainInItsWindow(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8,10 * * *", "UTC", time.Hour))
	p.recorded(t, 8)
	p.script.ends <- pipeline.End("end_of_file")
	p.awaitGone(t, "a")
	p.ask(8.5)
	require.Empty(t, p.Status("a"))
	p.recorded(t, 10)
}

func TestJobThatIsTakenAwayEndsItsRecording(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", time.Hour))
	p.recorded(t, 8)
	p.Set(nil)
	p.ask(8.1)
	p.awaitGone(t, "a")
}

func TestEventsAreMoments(t *testing.T) {
	job := recorder.ScheduleJob{Name: "noon", Stream: "a", Action: recorder.TriggerEvent, Cron: cron(t, "0 12 * * *", "UTC")}
	p := newPlanned(t, job)
	p.ask(12.01) // begun after noon: it is over
	require.Empty(t, p.events)
	p.ask(11.999)
	p.ask(12)
	p.ask(12.001)
	require.Equal(t, []string{"noon"}, p.events)
	p.ask(35)
	p.ask(37) // slept over the next noon
	require.Len(t, p.events, 1)
}

func TestAScheduledStreamWithoutPipelineIsReported(t *testing.T) {
	p := newPlanned(t, starts(t, "0 8 * * *", "UTC", time.Hour))
	_, _, err := p.Update(t.Context(), []recorder.Declared{declare(t, "clips", pipeline.ModeEvent, "[scripted, collect]", "**")}, nil)
	require.NoError(t, err)
	p.ask(8)
	require.Contains(t, p.Streams()[0].Error, recorder.ErrNoPipeline.Error())
	_, _, err = p.Update(t.Context(), []recorder.Declared{declare(t, "p", pipeline.ModeManual, "[scripted, collect]", "**")}, nil)
	require.NoError(t, err)
	p.recorded(t, 8.1)
	require.Empty(t, p.Streams()[0].Error)
}

// Run evaluates the schedule at intervals, and at once when the schedule changes.
func TestRunAsks(t *testing.T) {
	p := newPlanned(t)
	p.clock.set(p.day.Add(8 * time.Hour))
	stop := p.tasks.Go("schedule", p.Run)
	p.Set(recorder.Agenda{starts(t, "0 8 * * *", "UTC", time.Hour)})
	p.awaitRun(t, "a")
	p.clock.set(p.day.Add(9 * time.Hour))
	require.Eventually(t, func() bool { p.clock.fire(10 * time.Second); return len(p.Status("a")) == 0 }, time.Minute, time.Millisecond)
	stop()
}
