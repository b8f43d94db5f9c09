package hub_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// held is a clock whose waits end when the test says so.
type held struct {
	pipeline.Clock
	waits chan time.Duration
	over  chan time.Time
}

func (c held) After(d time.Duration) (<-chan time.Time, func()) {
	c.waits <- d
	return c.over, func() {}
}

func newHeld() held {
	return held{pipeline.SystemClock, make(chan time.Duration, 10), make(chan time.Time)}
}

// next publishes frames of a publisher whose clock begins anew, at the arrival of frame at.
func next(t *testing.T, p *hub.Publisher, at, n int) {
	t.Helper()
	for i := range n {
		au := frame(at+i, i == 0)
		au.DTS, au.PTS = int64(i)*3600, int64(i)*3600
		require.NoError(t, p.Write(0, au))
	}
}

func TestARunGoesOnWithThePublisherThatComesBack(t *testing.T) {
	clock := newHeld()
	r := newRig(t, hub.Config{ReconnectGrace: time.Minute, Clock: clock})
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 25, 25)
	p.Disconnect(endcause.SourceLost)
	require.Equal(t, time.Minute, <-clock.waits)
	first := take(t, s)
	defer first.Release()
	require.True(t, s.Live())

	late, err := r.Publish("live/x", hub.PublishOptions{}) // one without media does not end the wait
	require.NoError(t, err)
	late.Close(endcause.SourceLost)

	p = r.publish(t, "live/x")
	next(t, p, 75, 30)
	p.Close(endcause.Stop)
	c := take(t, s)
	defer c.Release()
	require.Same(t, first.Set, c.Set)
	require.Equal(t, first.Seq+1, c.Seq)
	require.True(t, c.StartsGOP)
	require.True(t, c.Gap.None(), "the file goes on")
	require.EqualValues(t, 75*3600, c.Lead().DTS[0], "as far behind the last frame as the wall clock says")
	require.Len(t, c.Gaps, 1)
	require.Equal(t, media.GapSourceLost, c.Gaps[0].Cause)
	require.EqualValues(t, 2*time.Second, c.Gaps[0].DurationNS)
	requireEndSoon(t, s, endcause.Stop)
}

// requireEndSoon takes the rest of the media, and requires the end behind it.
func requireEndSoon(t *testing.T, s *hub.Subscription, reason media.Cause) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		c, err := s.Take(ctx)
		if err == nil {
			require.Nil(t, c.Mark)
			c.Release()
			continue
		}
		var end *pipeline.EndError
		require.ErrorAs(t, err, &end)
		require.EqualValues(t, reason, end.Reason)
		return
	}
}

func TestARunEndsIfThePublisherStaysAway(t *testing.T) {
	clock := newHeld()
	r := newRig(t, hub.Config{ReconnectGrace: time.Minute, Clock: clock})
	require.NoError(t, r.Configure("live/x", hub.StreamConfig{ReconnectGrace: 3 * time.Second}))
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 25, 25)
	p.Disconnect(endcause.SourceLost)
	require.Equal(t, 3*time.Second, <-clock.waits)
	close(clock.over)
	takeFrames(t, s, 25)
	requireEnd(t, s, endcause.SourceLost)

	p = r.publish(t, "live/x")
	next(t, p, 200, 30)
	c := take(t, s)
	defer c.Release()
	require.Equal(t, media.GapSourceLost, c.Gap.Cause, "before the next file")
	require.EqualValues(t, 176*40*time.Millisecond, c.Gap.DurationNS)
	p.Close(endcause.Stop)
}

func TestARunEndsIfNoPublisherIsAwaited(t *testing.T) {
	large := []media.Track{pipelinetest.AVC(1280, 720)}
	for name, leave := range map[string]func(*rig, *hub.Publisher){
		"the publisher says goodbye": func(_ *rig, p *hub.Publisher) { p.Close(endcause.SourceLost) },
		"other tracks come": func(r *rig, p *hub.Publisher) {
			p.Disconnect(endcause.SourceLost)
			next, err := r.Publish("live/x", hub.PublishOptions{})
			require.NoError(t, err)
			require.NoError(t, next.SetTracks(large))
		},
		"another user comes": func(r *rig, p *hub.Publisher) {
			p.Disconnect(endcause.SourceLost)
			next, err := r.Publish("live/x", hub.PublishOptions{Client: hub.Client{User: "mallory"}})
			require.NoError(t, err)
			require.NoError(t, next.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
		},
		"the program ends": func(r *rig, p *hub.Publisher) { p.Disconnect(endcause.SourceLost); r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			clock := newHeld()
			r := newRig(t, hub.Config{ReconnectGrace: time.Minute, Clock: clock})
			s := r.subscribe(t, "live/x")
			p := r.publish(t, "live/x")
			shoot(t, p, 0, 25, 25)
			leave(r, p)
			takeFrames(t, s, 25)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := s.Take(ctx)
			require.ErrorAs(t, err, new(*pipeline.EndError))
		})
	}
}

func TestASilentPublisherThatIsReplacedMayComeBack(t *testing.T) {
	r := newRig(t, hub.Config{ReconnectGrace: time.Minute})
	s := r.subscribe(t, "live/x")
	o := hub.PublishOptions{Silence: func() time.Duration { return time.Minute }, GiveUp: func(end func()) { end() }}
	for n := range 2 {
		p, err := r.Publish("live/x", o)
		require.NoError(t, err)
		require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
		next(t, p, n*50, 30)
	}
	takeFrames(t, s, 30)
	c := take(t, s)
	defer c.Release()
	require.Equal(t, media.GapSourceLost, c.Gaps[0].Cause)
}
