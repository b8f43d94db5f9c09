package ingest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func TestAPictureInPartsIsJoinedEvenAfterManyThatWereWhole(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	for i := range uint32(30) {
		b.send(v, i*3600, true, idr...)
	}
	for i := uint32(30); i < 40; i++ {
		b.send(v, i*3600, true, idr...)
		b.send(v, i*3600, true, idrLater...)
	}
	b.feed.Close()
	require.EqualValues(t, 1, b.shelf.lost[media.DropSplit], "the first one was written already")
	require.Len(t, b.shelf.units, 40)
	require.Equal(t, [][]byte{idr, idrLater}, b.shelf.units[31].nals)
	require.Equal(t, [][]byte{idr, idrLater}, b.shelf.units[39].nals)
}

func TestATrackThatComesLaterWithoutAReportTakesItsPlaceByArrival(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	v.SenderReport(3600<<32, 1000)
	for i := range uint32(125) {
		b.send(v, 1000+i*3600, true, idr...)
		if i >= 50 { // two seconds in
			b.send(a, 7+(i-50)*1920, true, 0xaa)
		}
		b.now = b.now.Add(40 * time.Millisecond)
	}
	b.feed.Close()
	sound := b.shelf.of(codec.AAC)
	require.Len(t, sound, 75)
	require.InDelta(t, 2*48000, sound[0].au.PTS, 48)
}

func TestAPictureThatIsDescribedButNeverComesDoesNotLead(t *testing.T) {
	b := newBench(t)
	b.video(codec.H264, baseline, ppsX264)
	a := b.audio()
	for i := range uint32(100) {
		b.send(a, i*1024, true, 0xaa)
		b.now = b.now.Add(1024 * time.Second / 48000)
	}
	require.Len(t, b.shelf.sets, 1)
	require.Len(t, b.shelf.sets[0], 1)
	require.Equal(t, codec.AAC, b.shelf.sets[0][0].Codec)
	require.Len(t, b.shelf.units, 100)
}

func TestSoundWaitsForParameterSetsThatComeInTime(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264), b.audio()
	for i := range uint32(150) {
		b.send(a, i*1920, true, 0xaa)
		if i >= 75 { // three seconds in, on a key frame
			if i == 75 {
				b.send(v, i*3600, false, baseline...)
				b.send(v, i*3600, false, ppsX264...)
			}
			b.send(v, i*3600, true, idr...)
		}
		b.now = b.now.Add(40 * time.Millisecond)
	}
	b.feed.Close()
	require.Len(t, b.shelf.sets, 1, "no cut for what comes in time")
	require.Len(t, b.shelf.sets[0], 2)
	require.Len(t, b.shelf.of(codec.AAC), 150)
	require.Len(t, b.shelf.of(codec.H264), 75)
}

// TestAStallAtTheBeginningIsNoSilence: while the sender or this machine stands still nothing
// comes of any track, so none is missing yet.
func TestAStallAtTheBeginningIsNoSilence(t *testing.T) {
	for name, c := range map[string]struct {
		stall time.Duration
		sets  int
	}{"waited for": {1300 * time.Millisecond, 1}, "too long": {6 * time.Second, 2}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
			for i := range uint32(100) {
				if i == 12 {
					b.now = b.now.Add(c.stall)
				}
				b.send(a, i*1920, true, 0xaa)
				if i >= 12 {
					b.send(v, i*3600, true, idr...)
				}
				b.now = b.now.Add(40 * time.Millisecond)
			}
			b.feed.Close()
			require.Len(t, b.shelf.sets, c.sets)
			require.Len(t, b.shelf.of(codec.AAC), 100)
			require.Len(t, b.shelf.of(codec.H264), 88)
		})
	}
}

func TestTheHoldIsBoundedInBytes(t *testing.T) {
	b := newBench(t)
	b.video(codec.H264)
	a := b.audio()
	big := make([]byte, 60_000)
	big[0] = 0xaa
	for i := range uint32(holdBytes/60_000 + 2) { // all at one moment
		b.send(a, i*1024, true, big...)
	}
	require.NotEmpty(t, b.shelf.units)
}

func TestAFragmentThatIsNotEndedDamagesItsPicture(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	b.send(v, 0, false, 0x7c, 0x85, 0x88, 1) // starts an IDR slice
	b.send(v, 0, true, idrLater...)          // and another slice follows
	b.send(v, 3600, false, 0x7c, 0x85, 0x88, 1)
	b.send(v, 3600, true, 0x7c, 0xc5, 0x88, 2) // starts again, and ends
	b.send(v, 7200, true, 0x7c, 0x85, 0x88, 1) // ends without its end
	b.send(v, 10800, true, 0x7c, 0x45, 1)      // an end without its start
	b.send(v, 14400, true, 0x1d, 1, 2)         // a packing of another mode
	b.send(v, 18000, true, idr...)
	b.feed.Close()
	require.EqualValues(t, 4, b.shelf.lost[media.DropDamaged])
	require.EqualValues(t, 1, b.shelf.repaired[RepairedUndefined])
	require.Len(t, b.shelf.units, 1)
	require.Equal(t, int64(0), b.shelf.units[0].au.PTS)
}

// TestASliceThatCannotBeReadSpoilsItsPicture: the sender ends each slice as if it
// were a picture, and one of them is a fragment without its beginning.
func TestASliceThatCannotBeReadSpoilsItsPicture(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	for i := range uint32(10) {
		b.send(v, i*3600, true, idr...)
		if i == 5 {
			b.send(v, i*3600, true, 0x7c, 0x45, 1)
		}
		b.send(v, i*3600, true, idrLater...)
	}
	b.feed.Close()
	require.Len(t, b.shelf.units, 9)
	require.NotZero(t, b.shelf.lost[media.DropDamaged])
}

// others is a publisher while whose other streams use the units that are idle.
type others struct {
	*shelf
	units *unitShard
	desc  *description
}

func (o others) Write(track int, au *media.AU) error {
	o.units.take().desc = o.desc
	return o.shelf.Write(track, au)
}

// A track that comes late and changes while it is held is described by its own
// units, not by those that were written and are used again.
func TestATrackThatComesLaterAndChanges(t *testing.T) {
	b := newBench(t)
	b.feed.pub = others{b.shelf, b.feed.units, &description{track: media.Track{Codec: codec.H264, Timescale: 1}}}
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	a.SenderReport(3600<<32, 0)
	sps, pps := codedSets(false)
	for i := range uint32(125) {
		b.send(a, i*1920, true, 0xaa)
		if i == 70 {
			b.send(v, i*3600, false, sps...)
			b.send(v, i*3600, false, pps...)
		}
		if i >= 50 { // two seconds in
			b.send(v, i*3600, true, idr...)
		}
		b.now = b.now.Add(40 * time.Millisecond)
	}
	b.feed.Close()
	require.Len(t, b.shelf.of(codec.H264), 75)
	last := b.shelf.sets[len(b.shelf.sets)-1]
	require.Len(t, last, 2)
	require.Equal(t, [][]byte{sps, pps}, last[0].ParameterSets)
}
