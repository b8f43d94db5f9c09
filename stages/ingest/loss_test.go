package ingest

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// send sends pictures of one packet each, 40 ms apart, from a number and an RTP
// time on; those for which leave is true are lost on the way.
func (b *bench) sendPictures(track *RTPTrack, seq uint16, ticks uint32, n int, leave func(i int) bool) {
	b.t.Helper()
	for i := range n {
		b.now = b.now.Add(40 * time.Millisecond)
		nal := []byte{0x41, 0x9a, byte(i), 1}
		if i%25 == 0 {
			nal = []byte{0x65, 0x88, byte(i), 1}
		}
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq + uint16(i), Timestamp: ticks + uint32(i)*3600, Marker: true}, Payload: nal}
		if leave == nil || !leave(i) {
			require.NoError(b.t, track.Packet(p, b.now))
		}
	}
}

// The units say where something was lost before them, and about how much.
func TestALossIsTakenToTheNextUnitThatIsWhole(t *testing.T) {
	b := newBench(t)
	track := b.of(codec.H264)
	b.sendPictures(track, 100, 0, 100, func(i int) bool { return i >= 40 && i < 60 })
	track.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 80)
	for i, u := range b.shelf.units {
		want, by := 0, media.Cause("")
		if i == 40 {
			want, by = 20, media.DropRTPLoss
		}
		require.Equal(t, want, u.au.Lost, "unit %d", i)
		require.Equal(t, by, u.au.LostBy, "unit %d", i)
	}
	require.EqualValues(t, 20, b.shelf.lost[media.DropRTPLoss])
	require.Contains(t, b.log.String(), "packets were lost on the way")
}

// The cause of what was lost first goes with it, and is forgotten with the unit that
// tells of it.
func TestALossKeepsItsCause(t *testing.T) {
	b := newBench(t)
	track := b.feed.tracks[b.of(codec.H264).track().index]
	damaged, large, kept, next := &Unit{Damaged: true}, &Unit{}, &Unit{}, &Unit{}
	large.refuse(media.DropTooLarge)
	track.leave(damaged)
	track.leave(large)
	track.mark(kept)
	track.mark(next)
	require.Equal(t, 2, kept.lost)
	require.Equal(t, media.DropDamaged, kept.by)
	require.Zero(t, next.lost)
	require.Empty(t, next.by)
	again := &Unit{}
	again.refuse(media.DropTooLarge)
	track.leave(again)
	track.mark(next)
	require.Equal(t, media.DropTooLarge, next.by)
}

// A loss and a jump of the sender's clock meet: what comes out of the builder is
// a gap by loss, as long as nothing came.
func TestALossThatMeetsAJumpIsAGapByLoss(t *testing.T) {
	b := newBench(t)
	pool := media.NewCheckedPool()
	var gaps []media.Gap
	builder := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) {
		if !c.Gap.None() {
			gaps = append(gaps, c.Gap)
		}
		c.Release()
	})
	b.feed.pub = &building{Builder: builder}
	track := b.of(codec.H264)
	b.sendPictures(track, 100, 0, 50, nil)
	b.sendPictures(track, 150, 50*3600, 100, func(int) bool { return true }) // four seconds do not come
	b.sendPictures(track, 250, 3600*90000, 50, nil)
	track.Close()
	b.feed.Close()
	builder.Flush()
	require.Len(t, gaps, 1)
	require.Equal(t, media.GapRTPLoss, gaps[0].Cause)
	require.InDelta(t, 4.04e9, float64(gaps[0].Duration), 1e6)
	require.Zero(t, pool.Outstanding())
}

// building is a publisher that writes to a builder.
type building struct {
	*media.Builder
	n uint64
}

func (p *building) SetTracks(tracks []media.Track) error {
	p.n++
	set, err := media.NewTrackSet(p.n, tracks)
	if err == nil && !p.Set().Same(set) {
		p.Builder.SetTracks(set)
	}
	return err
}

func (p *building) Write(track int, au *media.AU) error { return p.Append(track, au) }
func (p *building) Lost(string, uint64)                 {}
func (p *building) Repaired(string, uint64)             {}
func (p *building) Problem(int, *pipeline.Problem)      {}

// A unit without a picture is left out: what was lost before it was lost before
// the next one.
func TestALossBeforeAUnitWithoutAPictureIsKept(t *testing.T) {
	b := newBench(t)
	track := b.of(codec.H264)
	b.sendPictures(track, 100, 0, 50, nil)
	b.sendPictures(track, 150, 50*3600, 10, func(int) bool { return true })
	sei := &rtp.Packet{Header: rtp.Header{SequenceNumber: 160, Timestamp: 60 * 3600, Marker: true}, Payload: seiOf(codec.H264, 1)}
	require.NoError(t, track.Packet(sei, b.now))
	b.sendPictures(track, 161, 61*3600, 50, nil)
	track.Close()
	b.feed.Close()
	require.Equal(t, 10, b.shelf.units[50].au.Lost)
}
