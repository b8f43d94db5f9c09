package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

func TestAPictureInPartsIsJoinedEvenAfterManyThatWereWhole(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	for i := range uint32(30) {
		b.Send(v, i*3600, true, ingesttest.IDR...)
	}
	for i := uint32(30); i < 40; i++ {
		b.Send(v, i*3600, true, ingesttest.IDR...)
		b.Send(v, i*3600, true, ingesttest.IDRLater...)
	}
	b.Feed.Close()
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropSplit], "the first one was written already")
	require.Len(t, b.Publisher.Units, 40)
	require.Equal(t, [][]byte{ingesttest.IDR, ingesttest.IDRLater}, b.Publisher.Units[31].NALs)
	require.Equal(t, [][]byte{ingesttest.IDR, ingesttest.IDRLater}, b.Publisher.Units[39].NALs)
}

func TestATrackThatComesLaterWithoutAReportTakesItsPlaceByArrival(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	v.SenderReport(3600<<32, 1000)
	for i := range uint32(125) {
		b.Send(v, 1000+i*3600, true, ingesttest.IDR...)
		if i >= 50 { // two seconds in
			b.Send(a, 7+(i-50)*1920, true, 0xaa)
		}
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	b.Feed.Close()
	sound := b.Publisher.Of(codec.AAC)
	require.Len(t, sound, 75)
	require.InDelta(t, 2*48000, sound[0].AU.PTS, 48)
}

func TestAPictureThatIsDescribedButNeverComesDoesNotLead(t *testing.T) {
	b := newBench(t)
	b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	a := b.audio()
	for i := range uint32(100) {
		b.Send(a, i*1024, true, 0xaa)
		b.Now = b.Now.Add(1024 * time.Second / 48000)
	}
	require.Len(t, b.Publisher.Sets, 1)
	require.Len(t, b.Publisher.Sets[0], 1)
	require.Equal(t, codec.AAC, b.Publisher.Sets[0][0].Codec)
	require.Len(t, b.Publisher.Units, 100)
}

func TestSoundWaitsForParameterSetsThatComeInTime(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264), b.audio()
	for i := range uint32(150) {
		b.Send(a, i*1920, true, 0xaa)
		if i >= 75 { // three seconds in, on a key frame
			if i == 75 {
				b.Send(v, i*3600, false, ingesttest.Baseline...)
				b.Send(v, i*3600, false, ingesttest.PPSX264...)
			}
			b.Send(v, i*3600, true, ingesttest.IDR...)
		}
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Sets, 1, "no cut for what comes in time")
	require.Len(t, b.Publisher.Sets[0], 2)
	require.Len(t, b.Publisher.Of(codec.AAC), 150)
	require.Len(t, b.Publisher.Of(codec.H264), 75)
}

// A stall of the sender or of this machine, in which no track gets data, does not count as the silence of a track.
func TestAStallAtTheBeginningDoesNotCountAsSilence(t *testing.T) {
	for name, c := range map[string]struct {
		stall time.Duration
		sets  int
	}{"waited for": {1300 * time.Millisecond, 1}, "too long": {6 * time.Second, 2}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
			for i := range uint32(100) {
				if i == 12 {
					b.Now = b.Now.Add(c.stall)
				}
				b.Send(a, i*1920, true, 0xaa)
				if i >= 12 {
					b.Send(v, i*3600, true, ingesttest.IDR...)
				}
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			b.Feed.Close()
			require.Len(t, b.Publisher.Sets, c.sets)
			require.Len(t, b.Publisher.Of(codec.AAC), 100)
			require.Len(t, b.Publisher.Of(codec.H264), 88)
		})
	}
}

func TestTheHoldIsBoundedInBytes(t *testing.T) {
	b := newBench(t)
	b.Video(codec.H264)
	a := b.audio()
	big := make([]byte, 60_000)
	big[0] = 0xaa
	for i := range uint32(ingest.HoldBytes/60_000 + 2) { // all at one moment
		b.Send(a, i*1024, true, big...)
	}
	require.NotEmpty(t, b.Publisher.Units)
}

func TestAFragmentThatIsNotEndedDamagesItsPicture(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	b.Send(v, 0, false, 0x7c, 0x85, 0x88, 1)   // starts an IDR slice
	b.Send(v, 0, true, ingesttest.IDRLater...) // and another slice follows
	b.Send(v, 3600, false, 0x7c, 0x85, 0x88, 1)
	b.Send(v, 3600, true, 0x7c, 0xc5, 0x88, 2) // starts again, and ends
	b.Send(v, 7200, true, 0x7c, 0x85, 0x88, 1) // ends without its end
	b.Send(v, 10800, true, 0x7c, 0x45, 1)      // an end without its start
	b.Send(v, 14400, true, 0x1d, 1, 2)         // a packing of another mode
	b.Send(v, 18000, true, ingesttest.IDR...)
	b.Feed.Close()
	require.EqualValues(t, 4, b.Publisher.Losses[media.DropDamaged])
	require.EqualValues(t, 1, b.Publisher.Repairs[ingest.RepairedUndefined])
	require.Len(t, b.Publisher.Units, 1)
	require.Equal(t, int64(0), b.Publisher.Units[0].AU.PTS)
}

// TestASliceThatCannotBeReadSpoilsItsPicture sends each slice as if it were a picture, one of them as a fragment
// without its beginning.
func TestASliceThatCannotBeReadSpoilsItsPicture(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	for i := range uint32(10) {
		b.Send(v, i*3600, true, ingesttest.IDR...)
		if i == 5 {
			b.Send(v, i*3600, true, 0x7c, 0x45, 1)
		}
		b.Send(v, i*3600, true, ingesttest.IDRLater...)
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 9)
	require.NotZero(t, b.Publisher.Losses[media.DropDamaged])
}

// others is a publisher that lets other streams use the idle units during each write.
type others struct {
	*ingesttest.Publisher
	bench *bench
}

func (o *others) Write(track int, au *media.AU) error {
	ingest.Spoil(o.bench.Feed, media.Track{Codec: codec.H264, Timescale: 1})
	return o.Publisher.Write(track, au)
}

// A track that begins late and changes while it is held is described by its own units, not by reused ones.
func TestATrackThatComesLaterAndChanges(t *testing.T) {
	pub := &others{Publisher: &ingesttest.Publisher{}}
	b := newBenchFor(t, pub)
	pub.bench, b.Publisher = b, pub.Publisher
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	a.SenderReport(3600<<32, 0)
	sps, pps := ingesttest.CodedSets(false)
	for i := range uint32(125) {
		b.Send(a, i*1920, true, 0xaa)
		if i == 70 {
			b.Send(v, i*3600, false, sps...)
			b.Send(v, i*3600, false, pps...)
		}
		if i >= 50 { // two seconds in
			b.Send(v, i*3600, true, ingesttest.IDR...)
		}
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.H264), 75)
	last := b.Publisher.Sets[len(b.Publisher.Sets)-1]
	require.Len(t, last, 2)
	require.Equal(t, [][]byte{sps, pps}, last[0].ParameterSets)
}
