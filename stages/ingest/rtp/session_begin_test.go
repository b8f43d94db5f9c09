package rtp

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// A session that begins within a picture has lost no picture. Over UDP, where its beginning may have been lost, it
// has.
func TestTheRestOfAnEarlierPictureDoesNotCountAsLost(t *testing.T) {
	for _, datagrams := range []bool{false, true} {
		b := newBench(t)
		v := b.Of(codec.H264)
		if datagrams {
			v.ExpectDatagrams()
		}
		b.Send(v, 0, false, 0x7c, 0x05, 1)
		b.Send(v, 0, true, 0x7c, 0x45, 2)
		b.SendPictures(v, b.Seq[v]+1, 3600, 30, nil)
		v.Close()
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, 30)
		require.Equal(t, datagrams, b.Publisher.Losses[media.DropDamaged] == 1)
	}
}

// A second sender within the first one's pauses takes no track over, and its kept packets are counted once the first
// one sends again.
func TestKeptPacketsOfAnotherSenderAreBoundedAndCounted(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	one := &speaker{b: b, ssrc: 1}
	one.picture(v)
	for i := range uint16(3000) {
		p := &rtp.Packet{Header: rtp.Header{SSRC: 2, SequenceNumber: i, Timestamp: 5}, Payload: make([]byte, 60000)}
		require.NoError(t, v.Packet(p, b.Now))
		require.LessOrEqual(t, v.others.bytes, maxCandidateBytes)
	}
	require.NotEmpty(t, v.others.held)
	b.Now = b.Now.Add(40 * time.Millisecond)
	one.picture(v)
	require.Empty(t, v.others.held)
	require.Zero(t, v.others.bytes)
	require.EqualValues(t, 3000, b.Publisher.Losses[media.DropForeignSSRC])
	v.Close()
	b.Feed.Close()
	require.Zero(t, b.Feed.HeldBytes())
	require.Equal(t, 2, one.kept())
}
