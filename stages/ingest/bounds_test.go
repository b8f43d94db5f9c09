package ingest

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// Packets of nothing but padding have numbers like all others: none is missing.
// What is lost beside them is not forgotten.
func TestPacketsOfPaddingAreNoLoss(t *testing.T) {
	for _, loss := range []bool{false, true} {
		b := newBench(t)
		track := b.of(codec.H264)
		pad := func(seq uint16) {
			require.NoError(t, track.Packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq}}, b.now))
		}
		pad(99)
		b.sendPictures(track, 100, 0, 50, nil)
		pad(150)
		seq := uint16(151)
		if loss {
			seq++
			pad(seq)
			seq++
		}
		b.sendPictures(track, seq, 50*3600, 50, nil)
		track.Close()
		b.feed.Close()
		require.Len(t, b.shelf.units, 100)
		want := 0
		if loss {
			want = 1
		}
		require.EqualValues(t, want, b.shelf.lost[media.DropRTPLoss])
		require.Equal(t, want, b.shelf.units[50].au.Lost)
	}
}

// A loss that only padding follows damages what goes on behind it.
func TestALossBeforePaddingDamagesThePicture(t *testing.T) {
	b := newBench(t)
	track := b.of(codec.H264)
	b.sendPictures(track, 100, 0, 50, nil)
	packet := func(seq uint16, marker bool, payload ...byte) {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: 50 * 3600, Marker: marker}, Payload: payload}
		require.NoError(t, track.Packet(p, b.now))
	}
	packet(150, false, 0x7c, 0x81, 0x9a, 1)
	packet(152, false) // 151 is lost
	packet(153, true, 0x7c, 0x41, 2, 3)
	b.sendPictures(track, 154, 51*3600, 1, nil)
	track.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 51)
	require.EqualValues(t, 1, b.shelf.lost[media.DropDamaged])
}

// A publisher that never ends a picture does not make it grow for ever, whatever
// it is made of.
func TestAPictureThatDoesNotEndIsBounded(t *testing.T) {
	many := append([]byte{0x78}, make([]byte, 0, 3000)...)
	for range 1000 {
		many = append(many, 0, 1, 9)
	}
	for name, payload := range map[string][]byte{
		"fragments without a beginning": {0x7c, 0x05, 1},
		"many NAL units":                many,
	} {
		b := newBench(t)
		v := b.of(codec.H264)
		b.send(v, 0, true, 0x41, 0x9a, 0)
		for range 100 {
			b.send(v, 3600, false, payload...)
		}
		require.LessOrEqual(t, len(v.unit.gaps), len(v.unit.ends)+1, name)
		require.LessOrEqual(t, len(v.unit.ends), maxElements, name)
		require.Equal(t, b.now.Sub(epoch).Nanoseconds(), v.unit.Mono, "%s: it is as old as it was", name)
	}
}

// The same where each part ends as if it were a picture.
func TestAPictureThatIsJoinedForEverIsBounded(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	b.send(v, 0, true, coded{kind: 5}.nal(false)[:40]...)
	for range 40 * 1000 {
		b.send(v, 0, true, 6, 5, 1, 1, 0x80)
	}
	require.LessOrEqual(t, len(v.track().prev.ends), maxElements)
	require.EqualValues(t, 1, b.shelf.lost[media.DropTooManyNALUnits])
	b.sendPictures(v, b.seq[v]+1, 3600, 30, nil)
	v.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 30, "what comes behind it is kept")
}

// A sender that stamps pictures in pairs goes on doing so when the network had
// stood still between the two of one: its times are its own again.
func TestPairsAfterTheNetworkStoodStill(t *testing.T) {
	b := newBench(t)
	sps, pps := codedSets(false)
	v := b.video(codec.H264, sps, pps)
	for i, au := range frames264(60) {
		if i == 21 {
			b.now = b.now.Add(3 * time.Second)
		}
		for _, p := range packetize(t, codec.H264, au) {
			b.send(v, uint32(i/2)*7200, p.Marker, p.Payload...)
		}
		if i < 21 || i > 40 { // what waited comes at once
			b.now = b.now.Add(40 * time.Millisecond)
		}
	}
	b.feed.Close()
	require.Len(t, b.shelf.units, 60)
	for i := 22; i < 59; i++ {
		require.Equal(t, int64(i)*3600, b.shelf.units[i].au.PTS, "picture %d", i)
	}
}
