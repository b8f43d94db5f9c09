package rtp

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// Packets that contain only padding have sequence numbers as well: none counts as missing, and losses beside them
// still count.
func TestPacketsOfPaddingDoNotCountAsLost(t *testing.T) {
	for _, loss := range []bool{false, true} {
		b := newBench(t)
		track := b.Of(codec.H264)
		pad := func(seq uint16) {
			require.NoError(t, track.Packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq}}, b.Now))
		}
		pad(99)
		b.SendPictures(track, 100, 0, 50, nil)
		pad(150)
		seq := uint16(151)
		if loss {
			seq++
			pad(seq)
			seq++
		}
		b.SendPictures(track, seq, 50*3600, 50, nil)
		track.Close()
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, 100)
		want := 0
		if loss {
			want = 1
		}
		require.EqualValues(t, want, b.Publisher.Losses[media.DropRTPLoss])
		require.Equal(t, want, b.Publisher.Units[50].AU.Lost)
	}
}

// A loss that only padding follows damages the next picture.
func TestALossBeforePaddingDamagesThePicture(t *testing.T) {
	b := newBench(t)
	track := b.Of(codec.H264)
	b.SendPictures(track, 100, 0, 50, nil)
	packet := func(seq uint16, marker bool, payload ...byte) {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: 50 * 3600, Marker: marker}, Payload: payload}
		require.NoError(t, track.Packet(p, b.Now))
	}
	packet(150, false, 0x7c, 0x81, 0x9a, 1)
	packet(152, false) // 151 is lost
	packet(153, true, 0x7c, 0x41, 2, 3)
	b.SendPictures(track, 154, 51*3600, 1, nil)
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 51)
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropDamaged])
}

// A publisher that never ends a picture can't make it grow without bound, whatever it consists of.
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
		v := b.Of(codec.H264)
		b.Send(v, 0, true, 0x41, 0x9a, 0)
		for range 100 {
			b.Send(v, 3600, false, payload...)
		}
		require.LessOrEqual(t, v.unit.Elements(), 4096, name)
		require.Equal(t, ingest.Mono(b.Now), v.unit.MonoNS, "%s: it is as old as it was", name)
	}
}

// An access unit that packets of one time extend for too long is left out, whether it is one fragment or many slices;
// one that only waits for its successor stays.
func TestTheAgeOfAnAccessUnitIsBounded(t *testing.T) {
	for name, payload := range map[string][]byte{"a fragment": {0x7c, 5, 1}, "slices": ingesttest.IDRLater, "nothing of a picture": {9, 0x10}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Of(codec.H264)
			b.Send(v, 0, false, 0x7c, 0x85, 0x88, 1)
			for range 200 {
				b.Now = b.Now.Add(100 * time.Millisecond)
				b.Send(v, 0, false, payload...)
			}
			require.EqualValues(t, 1, b.Publisher.Losses[media.DropEndlessPicture])
			require.Zero(t, v.unit.Size())
			b.SendPictures(v, b.Seq[v]+1, 21*90000, 20, nil)
			v.Close()
			b.Feed.Close()
			require.Len(t, b.Publisher.Units, 20)
		})
	}
	b := newBench(t)
	v := b.Of(codec.H264)
	for i := range uint32(5) {
		b.Send(v, i*30*90000, false, ingesttest.IDR...)
		b.Now = b.Now.Add(30 * time.Second)
	}
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 5)
	require.Empty(t, b.Publisher.Losses)
}
