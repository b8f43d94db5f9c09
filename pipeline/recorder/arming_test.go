package recorder_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/recorder"
)

var wait = recorder.StartOptions{Wait: true}

func (b *rig) arm(t *testing.T, stream string) {
	t.Helper()
	_, err := b.Start(stream, wait)
	require.NoError(t, err)
	b.awaitRun(t, stream)
}

func (b *rig) refusedToArm(t *testing.T, err error) {
	t.Helper()
	var full *recorder.ArmedError
	require.ErrorAs(t, err, &full)
	require.Equal(t, b.Arming().Most, full.Most)
}

func TestNoMoreNamesAreArmedThanMayBe(t *testing.T) {
	b := newRig(t, pipeline.ModeManual, pipeline.ModeEvent)
	b.LimitArmed(3)
	for n := range 3 {
		_, err := b.Start(fmt.Sprint("no/", n), wait)
		require.NoError(t, err)
		b.awaitRun(t, fmt.Sprint("no/", n))
	}
	for n := range 3 {
		_, err := b.Start(fmt.Sprint("no/", n), wait)
		require.NoError(t, err, "one that is armed is no further one")
	}
	_, err := b.Start("no/3", wait)
	b.refusedToArm(t, err)
	require.Empty(t, b.Status("no/3"))
	_, err = b.Trigger("no/4", pipeline.Trigger{At: b.clock.Now(), WaitUntil: b.clock.Now().Add(time.Minute), Arm: true})
	b.refusedToArm(t, err)
	require.Empty(t, b.Status("no/4"))
	require.Equal(t, recorder.Arming{Armed: 3, Most: 3, Refused: 2}, b.Arming())

	_, err = b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err, "configured streams are not counted")
	b.awaitRun(t, "conf/a")
	b.dir.setLive("live/a", true)
	_, err = b.Start("live/a", recorder.StartOptions{})
	require.NoError(t, err, "live streams are not counted")
	b.awaitRun(t, "live/a")
	require.Equal(t, 3, b.Arming().Armed)

	_, err = b.Stop(t.Context(), "no/1")
	require.NoError(t, err)
	require.Equal(t, 2, b.Arming().Armed)
	b.arm(t, "no/3")
}

// A stream is not armed while its publisher is live, and is armed again when the publisher has left.
func TestAStreamIsArmedUntilItComesAndAgainWhenItHasLeft(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	b.LimitArmed(1)
	b.arm(t, "a")
	b.dir.setLive("a", true)
	b.PublisherCame("a")
	require.Zero(t, b.Arming().Armed)
	b.dir.setLive("a", false)
	b.script.ends <- pipeline.End(endcause.SourceLost)
	b.awaitRun(t, "a")
	require.Equal(t, 1, b.Arming().Armed)
	_, err := b.Start("b", wait)
	b.refusedToArm(t, err)
}

// A publisher that goes through many names, with a start for each, cannot arm more streams than the limit: beyond it a
// recording ends with its publisher.
func TestARecordingEndsWithItsPublisherWhereNoMoreMayBeArmed(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	b.LimitArmed(1)
	b.arm(t, "a")
	b.dir.setLive("b", true)
	_, err := b.Start("b", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "b")
	b.dir.setLive("b", false)
	for len(b.Recording()) == 2 { // which of the two runs takes an end is open; that of a goes on
		select {
		case b.script.ends <- pipeline.End(endcause.SourceLost):
		case <-b.script.runs:
		case <-b.script.kept: // its room ends, and a may run a hundred times before b takes an end
		}
	}
	require.Equal(t, []string{"a"}, b.Recording())
	require.Equal(t, 1, b.Arming().Armed)
}

// An event arms a name for as long as it waits.
func TestAnEventArmsANameWhileItWaits(t *testing.T) {
	b := newRig(t, pipeline.ModeEvent)
	b.LimitArmed(1)
	trigger := func(stream string) error {
		_, err := b.Trigger(stream, pipeline.Trigger{At: b.clock.Now(), WaitUntil: b.clock.Now().Add(time.Minute), Arm: true})
		return err
	}
	require.Error(t, trigger("a"), "these stages take no events")
	b.awaitRun(t, "a")
	require.Equal(t, 1, b.Arming().Armed)
	b.refusedToArm(t, trigger("b"))
	require.Eventually(t, func() bool { return b.clock.fire(time.Minute) == 1 }, time.Minute, time.Millisecond)
	b.awaitGone(t, "a")
	require.Zero(t, b.Arming().Armed)
}
