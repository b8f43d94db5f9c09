package hub_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
)

func (r *rig) pulled(t *testing.T, path, url string) {
	t.Helper()
	require.NoError(t, r.Configure(path, hub.StreamConfig{Pull: url}))
}

func TestSchemeAndHostOfAPullAreShown(t *testing.T) {
	r := newRig(t, hub.Config{})
	wells[""], wells["shown"], wells["shown:554"] = &well{}, &well{}, &well{}
	for pull, shown := range map[string]string{
		"well://?size=640x360":         "well:…",
		"well://user:secret@shown/y?z": "well://shown/…",
		"well://shown:554/stream1":     "well://shown:554/…",
	} {
		r.pulled(t, "cam/shown", pull)
		require.Equal(t, shown, r.List()[0].Pull)
	}
}

func TestSamePullAgainGoesOn(t *testing.T) {
	r := newRig(t, hub.Config{})
	w := &well{}
	dig(t, r, "same", w)
	s := r.subscribe(t, "cam/same")
	take(t, s).Release()
	require.NoError(t, r.Configure("cam/same", hub.StreamConfig{Pull: "well://user:secret@same", Override: true}))
	takeFrames(t, s, 25)
	require.EqualValues(t, 1, w.pulls.Load())
	require.EqualValues(t, 1, w.running.Load())
}

func TestOtherPullTakesThePlace(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Hour})
	first, second := &well{}, &well{}
	wells["second"] = second
	dig(t, r, "first", first)
	s := r.subscribe(t, "cam/first")
	take(t, s).Release()
	r.pulled(t, "cam/first", "well://second")
	require.Eventually(t, func() bool { return second.running.Load() == 1 }, patience, time.Millisecond)
	require.Zero(t, first.running.Load())
	require.EqualValues(t, 1, second.pulls.Load(), "it begins when the path is free")
	require.Equal(t, "well://second", r.List()[0].Pull)
	s.Close()

	r.pulled(t, "cam/first", "well://user:secret@first") // while only the linger holds the second
	require.Eventually(t, func() bool { return second.running.Load() == 0 && !r.Live("cam/first") }, patience, time.Millisecond)
	again := r.subscribe(t, "cam/first")
	take(t, again).Release()
	require.EqualValues(t, 2, first.pulls.Load())
}

func TestPullThatFailsIsReplacedWithoutWaiting(t *testing.T) {
	r := newRig(t, hub.Config{})
	bad, good := &well{}, &well{}
	bad.fail.Store(true)
	wells["good"] = good
	dig(t, r, "bad", bad)
	s := r.subscribe(t, "cam/bad")
	require.Eventually(t, func() bool { return r.List()[0].LastError != "" }, patience, time.Millisecond)
	r.pulled(t, "cam/bad", "well://good")
	take(t, s).Release()
	require.Empty(t, r.List()[0].LastError)
}

func TestStreamThatIsPulledFromNowOn(t *testing.T) {
	r := newRig(t, hub.Config{})
	wells["late"] = &well{}
	s := r.subscribe(t, "cam/late") // armed for it
	r.pulled(t, "cam/late", "well://late")
	take(t, s).Release()
}

func TestForgottenStream(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Hour})
	w := &well{}
	dig(t, r, "gone", w)
	s := r.subscribe(t, "cam/gone")
	takeFrames(t, s, 25)
	r.Forget("cam/gone")
	require.Zero(t, w.running.Load(), "it has hung up")
	require.False(t, r.Live("cam/gone"))
	require.False(t, r.Configured("cam/gone"))
	require.Len(t, r.List(), 1, "a subscription still waits for it")
	s.Close()
	require.Eventually(t, func() bool { return len(r.List()) == 0 }, patience, time.Millisecond)
	r.Forget("cam/gone")

	live := r.publish(t, "cam/own") // a stream with a publisher stays
	require.NoError(t, r.Configure("cam/own", hub.StreamConfig{}))
	r.Forget("cam/own")
	require.True(t, r.Live("cam/own"))
	live.Close(endcause.SourceLost)
	require.Empty(t, r.List())
}

// After many changes while the pull begins and ends, the last one holds.
func TestChangesInQuickSuccession(t *testing.T) {
	r := newRig(t, hub.Config{})
	a, b := &well{}, &well{}
	wells["quick-b"] = b
	dig(t, r, "quick-a", a)
	r.subscribe(t, "cam/quick-a")
	for range 50 {
		r.pulled(t, "cam/quick-a", "well://quick-b")
		r.pulled(t, "cam/quick-a", "well://quick-a")
	}
	r.pulled(t, "cam/quick-a", "well://quick-b")
	require.Eventually(t, func() bool { return a.running.Load() == 0 && b.running.Load() == 1 }, patience, time.Millisecond)
}

func TestTheG711OfAPathReplacesThatOfTheHub(t *testing.T) {
	r := newRig(t, hub.Config{G711: hub.G711Keep})
	require.True(t, r.KeepsG711("cam/unknown"))
	require.NoError(t, r.Configure("cam/a", hub.StreamConfig{}))
	require.True(t, r.KeepsG711("cam/a"))
	require.NoError(t, r.Configure("cam/a", hub.StreamConfig{G711: "lpcm"}))
	require.False(t, r.KeepsG711("cam/a"))
	r.Forget("cam/a")
	require.True(t, r.KeepsG711("cam/a"))
	require.False(t, newRig(t, hub.Config{}).KeepsG711("cam/a"))
}
