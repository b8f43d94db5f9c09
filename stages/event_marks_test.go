package stages

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// Each returned key frame existed and is not later than the requested moment, and the number of remembered ones is
// bounded.
func TestKeyFramesOfLongAgoAreRememberedCoarsely(t *testing.T) {
	var k keyFrames
	_, ok := k.first()
	require.False(t, ok)
	const n = 20_000
	for i := range int64(n) {
		k.add(1000 * i)
		require.LessOrEqual(t, len(k.utc), maxKeyFrames)
	}
	first, _ := k.first()
	require.Zero(t, first)
	require.Zero(t, k.before(-5), "the first key frame if none is earlier")
	for _, at := range []int64{0, 999, 1000, 1234567, 1000*(n-1) - 1, 1000 * n} {
		got := k.before(at)
		require.LessOrEqual(t, got, at)
		require.Zero(t, got%1000)
	}
	require.Equal(t, int64(1000*(n-300)), k.before(1000*(n-300)+5), "of the last minutes all are known")
	k.step(7)
	require.Equal(t, int64(1000*(n-1)+7), k.before(1000*n))
}

// An event waits for the first key frame, in a recording and in a ring that holds back: before it the start of the
// event is unknown. An event whose time to wait has passed is refused.
func TestEventWaitsForTheFirstKeyFrame(t *testing.T) {
	pool := pipelinetest.Pool(t)
	env := pipelinetest.Env()
	now := env.Clock.Now()
	trigger := func(id byte, wait time.Duration) pipeline.Trigger {
		return pipeline.Trigger{ID: [16]byte{id}, At: now, Before: -1, After: 2 * time.Second, Partial: true, WaitUntil: now.Add(wait)}
	}
	cfg := roomy
	cfg.Before = seconds(3)
	ring := newTestRing(t, pool, cfg)
	ring.clock = env.Clock
	gate := newGate(t, pool, cfg, nil)
	for _, s := range []pipeline.Triggerer{ring, gate} {
		got, err := s.Trigger(trigger(1, time.Hour))
		require.NoError(t, err)
		require.Equal(t, pipeline.EventWaiting, got.Status)
		require.True(t, got.Actual.IsZero())
		_, err = s.Trigger(trigger(2, time.Nanosecond))
		require.ErrorIs(t, err, pipeline.ErrNothing)
		past := trigger(3, time.Hour)
		past.At = now.Add(-time.Hour)
		_, err = s.Trigger(past)
		require.ErrorIs(t, err, pipeline.ErrPast)
	}
	comes := now.Add(20 * time.Second).UnixNano() // after what the event asks for: its after counts from there
	for _, c := range pipelinetest.NewCamera(t, pool).Shoot(t, 251) {
		c.UTC += comes - pipelinetest.StartUTC
		ring.Put(c.Retain())
		gate.Put(c)
	}
	_, marks := ring.takeAll(t)
	require.Len(t, marks, 1)
	require.Equal(t, comes, marks[0].Event.ActualUTC)
	require.Equal(t, comes+2e9, marks[0].Event.EndUTC)
	chunks, marks := gate.queue.takeAll(t)
	require.Equal(t, comes, marks[0].Event.ActualUTC)
	require.NotEmpty(t, chunks)
	require.NoError(t, gate.Close())
	require.NoError(t, ring.Close())
}

// An event whose wait has ended without a picture is reported.
func TestEventThatWaitedInVainIsReported(t *testing.T) {
	a := awaiting{list: []awaited{{until: time.Unix(5, 0)}, {until: time.Now().Add(time.Hour)}}}
	var r pipeline.Report
	a.report(&r, pipeline.SystemClock)
	require.Len(t, r.Warnings, 1)
	require.Contains(t, r.Warnings[0], "1 events are not recorded")
	require.Len(t, a.begin(5, pipeline.SystemClock), 1)
	r = pipeline.Report{}
	a.report(&r, pipeline.SystemClock)
	require.Len(t, r.Warnings, 1, "afterwards, too")
}

// While a camera is away expired events make room for new ones.
func TestExpiredEventsDoNotKeepOthersFromWaiting(t *testing.T) {
	var a awaiting
	now := time.Now()
	for range media.MaxEvents {
		a.list = append(a.list, awaited{until: now.Add(-time.Second)})
	}
	e := media.Event{ID: [16]byte{1}, AtUTC: now.UnixNano(), EndUTC: now.Add(time.Hour).UnixNano()}
	require.NoError(t, a.add(e, &pipeline.Trigger{WaitUntil: now.Add(time.Hour)}, pipeline.SystemClock))
	require.Len(t, a.list, 1)
	var r pipeline.Report
	a.report(&r, pipeline.SystemClock)
	require.Contains(t, r.Warnings[0], "256 events are not recorded")
}

// Beyond the limit an event is refused with the reason, while a waiting event can still be prolonged.
func TestOneMoreEventThanMayWait(t *testing.T) {
	var a awaiting
	now := time.Now()
	trigger := &pipeline.Trigger{WaitUntil: now.Add(time.Hour)}
	for n := range media.MaxEvents + 1 {
		e := media.Event{ID: [16]byte{1, byte(n), byte(n >> 8)}, AtUTC: now.UnixNano(), EndUTC: now.Add(time.Hour).UnixNano()}
		err := a.add(e, trigger, pipeline.SystemClock)
		if n < media.MaxEvents {
			require.NoError(t, err)
			require.NoError(t, a.add(e, trigger, pipeline.SystemClock))
		} else {
			require.ErrorIs(t, err, pipeline.ErrWaiting)
		}
	}
	require.NoError(t, a.add(a.list[0].Event, trigger, pipeline.SystemClock))
	require.Len(t, a.list, media.MaxEvents)
}

// A publisher that leaves before its first key frame does not end a waiting event.
func TestWaitingEventOutlivesARunWithoutPictures(t *testing.T) {
	pool, kept := pipelinetest.Pool(t), &pipeline.Handover{}
	now := pipelinetest.Env().Clock.Now()
	gate := newGate(t, pool, roomy, kept)
	_, err := gate.Trigger(pipeline.Trigger{ID: [16]byte{1}, At: now, Before: 0, After: time.Minute, WaitUntil: now.Add(time.Hour)})
	require.NoError(t, err)
	gate.End("source_lost")
	require.NoError(t, gate.Close())
	gate = newGate(t, pool, roomy, kept)
	for _, c := range pipelinetest.NewCamera(t, pool).Shoot(t, 60) {
		c.UTC += now.UnixNano() - pipelinetest.StartUTC
		gate.Put(c)
	}
	_, marks := gate.queue.takeAll(t)
	require.NotEmpty(t, marks)
	require.Equal(t, now.UnixNano(), marks[0].Event.ActualUTC)
	require.NoError(t, gate.Close())
}

// The media time of a time lapse runs faster than the wall clock, which is not taken for a step of the clock.
func TestTimeLapseHoldsItsConfiguredSpan(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cfg := roomy
	cfg.Before = seconds(20)
	r := newGateRig(t, pool, 100, cfg) // a key frame every four seconds
	lapse := keyframesStage(t, pool, 60)
	for _, c := range r.cam.Shoot(t, 25*200) {
		require.NoError(t, lapse.Process(context.Background(), c, func(c *media.Chunk) error { r.put(c); return nil }))
	}
	require.LessOrEqual(t, r.gate.held.Len(), 7, "20 s of it, back to a key frame")
	got, err := r.gate.Trigger(pipeline.Trigger{ID: [16]byte{1}, At: time.Unix(0, r.now()), Before: -1, After: 0})
	require.NoError(t, err)
	require.InDelta(t, 20, got.Until.Sub(got.Actual).Seconds(), 4.1)
	require.NoError(t, lapse.Close())
	r.collect()
	r.done()
}

// An event that a stage before the tee raises lasts for the interval of the branch's gop_ring, if the branch has one.
func TestBranchKeepsTheIntervalOfItsOwnRing(t *testing.T) {
	for stages, ask := range map[string]bool{"[gop_ring: {before: 3s}, segmenter, \"null\"]": true, "[segmenter, \"null\"]": false} {
		list, err := config.Parse("branch.yaml", []byte(stages))
		require.NoError(t, err)
		b := TeeBranch{Name: "a", Stages: list}
		b.SetDefaults()
		s, err := newTee(settingsFor(t, pipelinetest.Pool(t), "tee"), TeeConfig{Branches: []TeeBranch{b}})
		require.NoError(t, err)
		ring := s.(*tee).branches[0].ring
		ring.Put(ring.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkRaised, Raised: &media.Raised{AtUTC: 5e18}}))
		_, marks := ring.takeAll(t)
		require.Equal(t, ask, marks[0].Kind == media.MarkRaised, stages)
		require.Equal(t, ask, marks[0].Event == nil, stages)
		require.NoError(t, s.(*tee).Close())
	}
}

// The publisher leaves before its first picture. The event waits on in the next run; if no run follows, the log names
// the event.
func TestAnEventThatWaitsOutlastsItsRun(t *testing.T) {
	pool := pipelinetest.Pool(t)
	var log bytes.Buffer
	env := pipelinetest.Env()
	env.Log, env.Handover = slog.New(slog.NewTextHandler(&log, nil)), &pipeline.Handover{}
	pipeline.Provide(env.Services, pool)
	pipeline.Provide(env.Services, hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log}))
	for name, build := range map[string]func(pipeline.Settings) (any, error){
		"source":   func(set pipeline.Settings) (any, error) { return newSource(set, SourceConfig{}) },
		"gop_ring": func(set pipeline.Settings) (any, error) { return newGOPRing(set, roomy) },
	} {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			run := func() (marks *eventMarks, end func()) {
				stage, err := build(pipeline.NewSettings(env, "p", "live/x", name))
				require.NoError(t, err)
				if r, is := stage.(*gopRing); is {
					return &r.marks, func() { require.NoError(t, r.Close()) }
				}
				s := stage.(*source)
				return &s.marks, func() {
					ctx, stop := context.WithCancel(t.Context())
					stop()
					require.Error(t, s.Run(ctx, func(*media.Chunk) error { panic("nothing was sent") }))
				}
			}
			marks, end := run()
			now := env.Clock.Now()
			e := eventOf(pipeline.Trigger{At: now, Before: -1, After: time.Hour, Name: "bell"}, roomy, env.Clock, true)
			_, mark, err := marks.trigger(&e, &pipeline.Trigger{Partial: true, WaitUntil: now.Add(time.Hour)}, env.Clock)
			require.NoError(t, err)
			require.False(t, mark)
			end()
			marks, end = run()
			require.Len(t, marks.await.list, 1)
			require.NotContains(t, log.String(), "bell")
			end()
			env.Handover.Close()
			require.Contains(t, log.String(), "name=bell")
			env.Handover = &pipeline.Handover{}
		})
	}
}
