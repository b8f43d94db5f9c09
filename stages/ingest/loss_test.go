package ingest_test

import (
	"testing"

	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// A unit carries the number of units lost before it.
func TestALossIsTakenToTheNextUnitThatIsWhole(t *testing.T) {
	b := newBench(t)
	track := b.Of(codec.H264)
	b.SendPictures(track, 100, 0, 100, func(i int) bool { return i >= 40 && i < 60 })
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 80)
	for i, u := range b.Publisher.Units {
		want, by := 0, media.Cause("")
		if i == 40 {
			want, by = 20, media.DropRTPLoss
		}
		require.Equal(t, want, u.AU.Lost, "unit %d", i)
		require.Equal(t, by, u.AU.LostBy, "unit %d", i)
	}
	require.EqualValues(t, 20, b.Publisher.Losses[media.DropRTPLoss])
	require.Contains(t, b.Log.String(), "packets were lost on the way")
}

// A loss coincides with a jump of the sender's clock: the builder reports a gap by loss, as long as no data arrived.
func TestALossThatMeetsAJumpIsAGapByLoss(t *testing.T) {
	pool := media.NewCheckedPool()
	var gaps []media.Gap
	builder := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) {
		if !c.Gap.None() {
			gaps = append(gaps, c.Gap)
		}
		c.Release()
	})
	b := newBenchFor(t, &building{Builder: builder})
	track := b.Of(codec.H264)
	b.SendPictures(track, 100, 0, 50, nil)
	b.SendPictures(track, 150, 50*3600, 100, func(int) bool { return true }) // four seconds do not come
	b.SendPictures(track, 250, 3600*90000, 50, nil)
	track.Close()
	b.Feed.Close()
	builder.Flush()
	require.Len(t, gaps, 1)
	require.Equal(t, media.GapRTPLoss, gaps[0].Cause)
	require.InDelta(t, 4.04e9, float64(gaps[0].DurationNS), 1e6)
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

// A unit without a picture is left out: units lost before it count as lost before the next one.
func TestALossBeforeAUnitWithoutAPictureIsKept(t *testing.T) {
	b := newBench(t)
	track := b.Of(codec.H264)
	b.SendPictures(track, 100, 0, 50, nil)
	b.SendPictures(track, 150, 50*3600, 10, func(int) bool { return true })
	sei := &pion.Packet{Header: pion.Header{SequenceNumber: 160, Timestamp: 60 * 3600, Marker: true}, Payload: ingesttest.SEIOf(codec.H264, 1)}
	require.NoError(t, track.Packet(sei, b.Now))
	b.SendPictures(track, 161, 61*3600, 50, nil)
	track.Close()
	b.Feed.Close()
	require.Equal(t, 10, b.Publisher.Units[50].AU.Lost)
}
