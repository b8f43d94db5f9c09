package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// eager is a clock on which every wait is over at once.
type eager struct{ pipeline.Clock }

func (eager) After(time.Duration) (<-chan time.Time, func()) {
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c, func() {}
}

// forked is a branch with the queue that feeds it.
type forked struct {
	*pipeline.Branch
	*queue
}

func fork(t *testing.T, p *probe, clock pipeline.Clock, yaml string) forked {
	t.Helper()
	n, err := config.Parse("branch.yaml", []byte(yaml))
	require.NoError(t, err)
	tail, problems := pipeline.CompileTail[*token]("fork", n)
	require.NoError(t, problems.Err())
	e := env(p)
	e.Clock = clock
	q := &queue{lifecycle: lifecycle{probe: p}, ready: make(chan struct{}, 1)}
	b, err := pipeline.NewBranch(tail, pipeline.NewSettings(e, "p", "live/x", "fork"), "a", q.Take)
	require.NoError(t, err)
	return forked{b, q}
}

func (f forked) put(n int) {
	for i := range n {
		f.live.Add(1)
		f.Put(&token{i + 1, &f.live})
	}
}

func (f forked) end(reason string) {
	f.Branch.End(reason)
	f.queue.End(reason)
}

func (f forked) close(t *testing.T) {
	f.Branch.Close()
	require.NoError(t, f.queue.Close())
	require.Zero(t, f.live.Load(), "elements were not released")
}

func TestBranchDrainsItsQueue(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{}
	b := fork(t, p, pipeline.SystemClock, "[twice: {}, collect: {}]")
	b.Start()
	b.put(100)
	b.end("duration")
	require.NoError(t, b.Wait(t.Context()))
	require.Equal(t, evens(100), p.got)
	require.Contains(t, p.noted(), "flush:twice:duration flush:collect close:twice close:collect")
	b.close(t)
}

func TestBranchThatFailsContinuesWithItsQueue(t *testing.T) {
	for name, panics := range map[string]bool{"error": false, "panic": true} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := &probe{failAt: 3, panics: panics}
			b := fork(t, p, eager{pipeline.SystemClock}, "[twice: {}, collect: {}]")
			b.put(50)
			b.Start()
			require.Eventually(t, func() bool { return b.Report().LastError != "" }, time.Minute, time.Millisecond)
			require.Contains(t, b.Report().LastError, "broken on purpose")
			b.put(2)
			b.end("stop")
			require.NoError(t, b.Wait(t.Context()))
			require.Equal(t, []int{2, 4}, p.got[len(p.got)-2:])
			require.GreaterOrEqual(t, len(p.got), 45, "only the elements on their way are lost")
			b.close(t)
		})
	}
}

func TestBranchThatCannotBeOpenedIsRetriedAndReportedAtTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{}
	b := fork(t, p, pipeline.SystemClock, "[collect: {fail_open: true}]")
	b.put(3)
	b.Start()
	require.Eventually(t, func() bool { return b.Report().LastError != "" }, time.Minute, time.Millisecond)
	b.end("stop")
	require.ErrorContains(t, b.Wait(t.Context()), "stage collect: open: will not open")
	require.EqualValues(t, 3, p.live.Load(), "nothing was taken")
	b.close(t)
}

// patient is a clock on which no wait is ever over.
type patient struct {
	pipeline.Clock
	asked chan time.Duration
}

func (c patient) After(d time.Duration) (<-chan time.Time, func()) {
	c.asked <- d
	return nil, func() {}
}

func TestBranchThatWaitsIsTriedOnceMoreAtItsEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{}
	asked := make(chan time.Duration, 10)
	b := fork(t, p, patient{pipeline.SystemClock, asked}, "[collect: {fail_open: true}]")
	b.put(3)
	b.Start()
	<-asked
	b.end("stop")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.ErrorContains(t, b.Wait(ctx), "will not open")
	require.Empty(t, asked, "that was the last time")
	b.close(t)
}

func TestBranchThatIsAbortedBeforeItBeganHasNotDrained(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{}
	b := fork(t, p, pipeline.SystemClock, "[collect: {}]")
	b.put(1)
	b.Branch.Close()
	b.Start()
	require.ErrorIs(t, b.Wait(t.Context()), pipeline.ErrAborted)
	require.Empty(t, p.noted())
	b.close(t)
}

func TestBranchIsAbortedWhileItsSinkIsBusy(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{gate: make(chan struct{})}
	b := fork(t, p, pipeline.SystemClock, "[twice: {}, collect: {}]")
	b.put(20)
	b.Start()
	require.Eventually(t, func() bool {
		s := b.Status()
		return len(s) == 2 && s[1].Stage == "collect" && s[1].Busy > 0
	}, time.Minute, time.Millisecond)
	b.end("stop")
	b.Branch.Close()
	require.ErrorIs(t, b.Wait(t.Context()), pipeline.ErrAborted)
	require.NotContains(t, p.noted(), "flush")
	b.close(t)
}

func TestBranchThatWasNeverStartedHasNoStatus(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{}
	b := fork(t, p, pipeline.SystemClock, "[collect: {}]")
	require.Empty(t, p.noted())
	require.Empty(t, b.Status())
	_, err := b.Trigger(pipeline.Trigger{})
	require.ErrorIs(t, err, pipeline.ErrNoEvents)
	b.close(t)
}

func TestCompileTailFindsEveryProblemAtItsPlace(t *testing.T) {
	for yaml, want := range map[string]string{
		"":                                "needs a list of stages",
		"[]":                              "needs a list of stages",
		"[numbers: {}, collect: {}]":      "branch.yaml:1:2: 0: numbers is a source, but not the first stage",
		"[twice: {}]":                     "branch.yaml:1:2: 0: twice is a transform: the last stage must be a sink",
		"[words: {}]":                     "words takes string, but fork before it gives *pipeline_test.token",
		"[collect: {limit: -1}]":          "limit is negative",
		"[twce: {}, collect: {limit: x}]": "did you mean twice?",
		"[twice: {a: 1}, colect: {}]":     "did you mean collect?",
	} {
		n, err := config.Parse("branch.yaml", []byte(yaml))
		require.NoError(t, err)
		tail, problems := pipeline.CompileTail[*token]("fork", n)
		require.ErrorContains(t, problems.Err(), want, yaml)
		require.Nil(t, tail)
	}
	n, err := config.Parse("branch.yaml", []byte("[twice, collect]"))
	require.NoError(t, err)
	tail, _ := pipeline.CompileTail[*token]("fork", n)
	require.Equal(t, "twice -> collect", tail.String())
}

func TestReportOfBranchesIsTheTruthOfAll(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	var r pipeline.Report
	r.Beside("a", pipeline.Report{
		Recording: true, File: "a.mp4", Bytes: 5, TotalBytes: 10, Segments: 2, AccessUnits: 7,
		LastWritten: at(9), LastDurable: at(8), Drops: []pipeline.Drop{{Stage: "queue", Cause: "overload", AccessUnits: 1}},
	})
	r.Beside("b", pipeline.Report{
		Recording: true, File: "b.mp4", TotalBytes: 1, Segments: 1, AccessUnits: 1, LastWritten: at(5),
		LastError: "disk full", Warnings: []string{"slow"}, Drops: []pipeline.Drop{{Stage: "segmenter", Cause: "before_key_frame"}},
	})
	r.Beside("c", pipeline.Report{LastAccessUnit: at(10), LastError: "late"})
	require.Equal(t, pipeline.Report{
		Recording: true, File: "a.mp4", Bytes: 5, TotalBytes: 11, Segments: 3, AccessUnits: 8,
		LastAccessUnit: at(10), LastWritten: at(5), LastDurable: time.Time{}, // nothing of b is durable
		LastError: "b: disk full", Warnings: []string{"b: slow"},
		Drops: []pipeline.Drop{{Stage: "a/queue", Cause: "overload", AccessUnits: 1}, {Stage: "b/segmenter", Cause: "before_key_frame"}},
	}, r)
}
