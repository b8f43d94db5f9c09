package recorder_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/recorder"
)

// leftMedia is the media that one run leaves for the next.
type leftMedia struct{ closed chan struct{} }

func (leftMedia) Pending() bool { return true }
func (m leftMedia) Close()      { close(m.closed) }

// taking is a scripted source that takes the media that the previous run left.
type taking struct{ scripted }

func (s taking) Run(ctx context.Context, emit pipeline.Emit[*token]) error {
	if left := s.left.Take("taking"); left != nil {
		left.Close()
	}
	return s.scripted.Run(ctx, emit)
}

func init() {
	pipeline.RegisterSource("taking", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[*token], error) {
		s, err := pipeline.Use[*script](set)
		return taking{scripted{s, set.Stream, set.Handover}}, err
	})
}

// While the files of a publisher are finished, the next one comes and leaves: its media waits, and no publisher is there
// when the job ends.
func TestAPublisherThatCameAndLeftDuringADrainGetsARun(t *testing.T) {
	for _, mode := range []pipeline.Mode{pipeline.ModeAlways, pipeline.ModeEvent} {
		t.Run(string(mode), func(t *testing.T) {
			b := newRigOf(t, "[taking, collect]", mode)
			b.dir.setLive("cam", true)
			b.PublisherCame("cam")
			b.awaitRun(t, "cam")
			b.dir.setLive("cam", false)
			for range 3 {
				m := leftMedia{make(chan struct{})}
				(<-b.script.kept).Leave("taking", m)
				b.script.ends <- pipeline.End(endcause.SourceLost)
				b.awaitRun(t, "cam")
				<-m.closed
			}
			b.script.ends <- pipeline.End(endcause.SourceLost)
			b.awaitGone(t, "cam")
		})
	}
}

// A stop ends the recording with the media up to the stop, also if that of two publishers waits.
func TestAStopRecordsTheMediaThatWaits(t *testing.T) {
	b := newRigOf(t, "[taking, collect]", pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	m := leftMedia{make(chan struct{})}
	(<-b.script.kept).Leave("taking", m)
	_, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	<-m.closed
	last, _ := b.Last("conf/a")
	require.Equal(t, 2, last.Runs)
}
