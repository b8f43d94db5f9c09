package hub_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/hub"
)

func (r *rig) read(t *testing.T, path string) *hub.Reader {
	t.Helper()
	rd, err := r.Read(path, live.Options{})
	require.NoError(t, err)
	t.Cleanup(rd.Close)
	return rd
}

// takeUnit waits for the next unit.
func takeUnit(t *testing.T, rd *hub.Reader) live.Unit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	u, err := rd.Take(ctx)
	require.NoError(t, err)
	return *u
}

// requireFrames reads the frames [from, to).
func requireFrames(t *testing.T, rd *hub.Reader, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		u := takeUnit(t, rd)
		require.EqualValues(t, n, u.DTS/3600)
		require.Equal(t, []byte{0, 0, 0, 3, 0x65, byte(n >> 8), byte(n)}, u.Slices(nil)[0])
	}
}

func TestAReaderIsAheadOfTheChunks(t *testing.T) {
	r := newRig(t, hub.Config{})
	rd, sub := r.read(t, "live/x"), r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 10, 50)
	requireFrames(t, rd, 0, 10)
	require.False(t, sub.Pending() && sub.Held() > 0, "no chunk is complete")
	p.Close(endcause.SourceLost)
	require.Equal(t, media.Cause(endcause.SourceLost), takeUnit(t, rd).End)
	takeFrames(t, sub, 10)
	requireEnd(t, sub, endcause.SourceLost)

	next := r.publish(t, "live/x")
	defer next.Close(endcause.SourceLost)
	shoot(t, next, 0, 5, 50)
	requireFrames(t, rd, 0, 5)
}

// The ring is made of the newest GOP, whose last chunk is open.
func TestALateReaderBeginsWithTheNewestKeyFrame(t *testing.T) {
	r := newRig(t, hub.Config{ServesReaders: true})
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	shoot(t, p, 0, 190, 100)
	a := r.read(t, "live/x")
	requireFrames(t, a, 100, 190)
	b := r.read(t, "live/x")
	requireFrames(t, b, 100, 190)
	shoot(t, p, 190, 195, 100)
	requireFrames(t, a, 190, 195)
	a.Close()
	requireFrames(t, b, 190, 195)
	b.Close() // the ring is gone
	shoot(t, p, 195, 210, 100)
	requireFrames(t, r.read(t, "live/x"), 200, 210)
}

// noRecordings is a hub.Recordings for a stream that no recording may read.
type noRecordings struct{}

func (noRecordings) MayBegin(string) (bool, int) { return false, 0 }
func (noRecordings) Generation() uint64          { return 1 }

func TestTheNewestGOPIsKeptForReadersOnly(t *testing.T) {
	for _, serves := range []bool{false, true} {
		r := newRig(t, hub.Config{ServesReaders: serves})
		r.KeepGOPs(noRecordings{})
		p := r.publish(t, "live/x")
		shoot(t, p, 0, 60, 50)
		require.Equal(t, serves, r.pool.Memory() > 0)
		p.Close(endcause.SourceLost)
	}
}

func TestAReaderStartsAPull(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Millisecond})
	w := &well{}
	dig(t, r, "reader", w)
	rd := r.read(t, "cam/reader")
	require.True(t, takeUnit(t, rd).StartsGOP)
	require.EqualValues(t, 1, w.running.Load())
	rd.Close()
	require.Eventually(t, func() bool { return w.running.Load() == 0 }, patience, time.Millisecond)
}

func TestAWindowHoldsAStream(t *testing.T) {
	r := newRig(t, hub.Config{})
	r.KeepGOPs(noRecordings{})
	w, err := r.Window("live/x", int64(time.Hour))
	require.NoError(t, err)
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 500, 25)
	held := r.pool.Memory()
	shoot(t, p, 500, 600, 25)
	require.Greater(t, r.pool.Memory(), held)
	w.Close()
	w.Close()
	p.Close(endcause.SourceLost)
	require.Zero(t, r.pool.Memory())
	require.Empty(t, r.Paths(), "no use of the stream is left")
}

func TestTracksAreAwaited(t *testing.T) {
	r := newRig(t, hub.Config{})
	rd := r.read(t, "live/x")
	_, err := rd.Tracks(t.Context(), time.Millisecond)
	require.ErrorIs(t, err, hub.ErrNoTracks)
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	_, err = rd.Tracks(ended, patience)
	require.ErrorIs(t, err, context.Canceled)
	known := make(chan *media.TrackSet)
	go func() {
		set, _ := rd.Tracks(t.Context(), patience)
		known <- set
	}()
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	require.Equal(t, 640, (<-known).Tracks[0].Width)
}

// Readers come and go while a publisher writes and others take its path over.
func TestReadersComeAndGoAtAnyTime(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Millisecond})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				rd, err := r.Read("live/x", live.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				for range 20 {
					if _, err := rd.Poll(); err != nil {
						t.Error(err)
					}
				}
				rd.Close()
			}
		}()
	}
	for left := 4; left > 0; {
		p := r.publish(t, "live/x")
		shoot(t, p, 0, 100, 10)
		p.Close(endcause.SourceLost)
		select {
		case <-done:
			left--
		default:
		}
	}
	require.Empty(t, r.Paths())
}
