package recorder_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// answers holds the answer of each mode's stages to a trigger.
type answers struct {
	told map[pipeline.Mode]error
	got  []string // pipelines that took one
}

type answering struct {
	*answers
	set pipeline.Settings
}

func (a answering) Consume(context.Context, *token) error { return nil }
func (a answering) Flush(context.Context) error           { return nil }

func (a answering) Trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	err := a.told[a.set.Mode]
	if err != nil && !(t.Partial && errors.Is(err, pipeline.ErrNotCovered)) {
		return pipeline.Triggered{}, err
	}
	a.got = append(a.got, a.set.Pipeline)
	return pipeline.Triggered{Status: pipeline.EventMarked, Requested: t.At}, nil
}

func init() {
	pipeline.RegisterSink("answering", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[*token], error) {
		a, err := pipeline.Use[*answers](set)
		return answering{a, set}, err
	}, pipeline.MakesFiles)
}

// Footage in a continuous recording is marked there; other footage is for the event pipelines. A mark on a part of the
// span is the last resort, where no event pipeline exists.
func TestTriggerPrefersAMarkToASecondFile(t *testing.T) {
	always, event, manual := pipeline.ModeAlways, pipeline.ModeEvent, pipeline.ModeManual
	for name, c := range map[string]struct {
		modes []pipeline.Mode
		told  map[pipeline.Mode]error
		want  []string
		err   error
	}{
		"event pipeline alone":            {[]pipeline.Mode{event}, nil, []string{"event"}, nil},
		"recording under way":             {[]pipeline.Mode{always, event}, nil, []string{"always"}, nil},
		"recording that began too late":   {[]pipeline.Mode{always, event}, map[pipeline.Mode]error{always: pipeline.ErrNotCovered}, []string{"event"}, nil},
		"nothing else than a late one":    {[]pipeline.Mode{always}, map[pipeline.Mode]error{always: pipeline.ErrNotCovered}, []string{"always"}, nil},
		"event pipeline has nothing":      {[]pipeline.Mode{always, event}, map[pipeline.Mode]error{always: pipeline.ErrNotCovered, event: pipeline.ErrNothing}, []string{"always"}, nil},
		"both have nothing":               {[]pipeline.Mode{always, event}, map[pipeline.Mode]error{always: pipeline.ErrNothing, event: pipeline.ErrPast}, nil, pipeline.ErrPast},
		"only a recording without media":  {[]pipeline.Mode{always}, map[pipeline.Mode]error{always: pipeline.ErrNothing}, nil, pipeline.ErrNothing},
		"only recordings by hand, and no": {[]pipeline.Mode{manual}, nil, nil, pipeline.ErrNoEvents},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			b := &rig{
				script: &script{ends: make(chan error), runs: make(chan string, 9), kept: make(chan *pipeline.Handover, 9)},
				dir:    &streams{live: map[string]bool{}, conf: map[string]bool{"conf/a": true}},
				clock:  newHandClock(),
			}
			a := &answers{told: c.told}
			e := newEnv()
			pipeline.Provide(e.Services, b.script)
			pipeline.Provide(e.Services, a)
			e.Clock = b.clock
			b.tasks = pipeline.NewTasks(e.Log, b.clock)
			all, err := streampath.ParseGlob("**")
			require.NoError(t, err)
			var declared []recorder.Declared
			began := 0
			for _, m := range c.modes {
				plan := compile(t, "[scripted, answering]")
				plan.Name = string(m)
				declared = append(declared, recorder.Declared{Plan: plan, Streams: []streampath.Glob{all}, Mode: m})
				if m != manual {
					began++
				}
			}
			b.Recorder = recorder.New(e, b.tasks, b.dir, declared, time.Hour)
			b.StartAlways("conf/a")
			for range began {
				b.awaitRun(t, "conf/a")
			}
			b.awaitCounted(t, "conf/a")
			at := time.Unix(5, 0)
			done, err := b.Trigger("conf/a", pipeline.Trigger{At: at})
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			} else {
				require.NoError(t, err)
				require.Len(t, done, len(c.want))
				require.Equal(t, c.want[0], done[0].Pipeline)
				require.Equal(t, at, done[0].Requested)
			}
			require.Equal(t, c.want, a.got)
			_, err = b.Trigger("nobody", pipeline.Trigger{})
			require.ErrorIs(t, err, recorder.ErrUnknownStream)
			_, err = b.Trigger("../x", pipeline.Trigger{})
			require.Error(t, err)
			require.NoError(t, b.Shutdown(context.Background()))
			require.NoError(t, b.tasks.Stop(context.Background()))
		})
	}
}

// Event pipelines run from the start and outlast a stop by hand; the list of recordings shows only streams that record.
func TestEventPipelinesAreArmedAndNoRecording(t *testing.T) {
	b := newRig(t, pipeline.ModeEvent, pipeline.ModeManual)
	b.StartAlways("conf/a")
	b.awaitRun(t, "conf/a")
	require.Empty(t, b.Recording())
	require.Equal(t, pipeline.ModeEvent, b.Status("conf/a")[0].Mode)
	was, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.False(t, was)
	require.Len(t, b.Status("conf/a"), 1)
	_, err = b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.Equal(t, []string{"conf/a"}, b.Recording())
	was, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.True(t, was)
	b.dir.setLive("live/y", true)
	b.PublisherCame("live/y")
	b.awaitRun(t, "live/y")
}
