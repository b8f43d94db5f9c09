package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// speaker sends pictures of one packet each with numbers and times of its own.
type speaker struct {
	b     *bench
	ssrc  uint32
	seq   uint16
	ticks uint32
	n     int
}

func (s *speaker) picture(v *RTPTrack) {
	nal := []byte{0x41, 0x9a, byte(s.n), byte(s.ssrc)}
	if s.n%25 == 0 {
		nal = []byte{0x65, 0x88, byte(s.n), byte(s.ssrc)}
	}
	p := &rtp.Packet{Header: rtp.Header{SSRC: s.ssrc, SequenceNumber: s.seq, Timestamp: s.ticks, Marker: true}, Payload: nal}
	require.NoError(s.b.t, v.Packet(p, s.b.now))
	s.seq, s.ticks, s.n = s.seq+1, s.ticks+ticksOf, s.n+1
}

// of counts a sender's pictures.
func (s *speaker) kept() (n int) {
	for _, u := range s.b.shelf.units {
		if last := u.nals[len(u.nals)-1]; last[len(last)-1] == byte(s.ssrc) {
			n++
		}
	}
	return n
}

// Two senders to one port: the first is kept whole, and the other one is counted.
func TestTwoSendersAreNotMixed(t *testing.T) {
	for _, datagrams := range []bool{false, true} {
		for _, theirs := range []int{1, 2, 7} { // pictures of the other one for each
			b := newBench(t)
			v := b.of(codec.H264)
			if datagrams {
				v.datagrams = &datagramsOf(v).datagrams
			}
			one, other := &speaker{b: b, ssrc: 1, seq: 65500}, &speaker{b: b, ssrc: 2, seq: 65501, ticks: 1 << 31}
			for range 200 {
				one.picture(v)
				for range theirs {
					other.picture(v)
				}
				b.now = b.now.Add(40 * time.Millisecond)
			}
			v.Close()
			b.feed.Close()
			require.Equal(t, 200, one.kept())
			require.Len(t, b.shelf.units, 200)
			require.Equal(t, map[string]uint64{media.DropForeignSSRC: uint64(200 * theirs)}, b.shelf.lost)
			require.Equal(t, 1, strings.Count(b.log.String(), "another sender's packets"))
			for i, u := range b.shelf.units {
				require.Equal(t, int64(i)*ticksOf, u.au.PTS)
			}
		}
	}
}

// datagramsOf has a track take datagrams.
func datagramsOf(v *RTPTrack) *arrivals {
	return &arrivals{datagrams: datagrams{deliver: v.take, count: func(cause string) { v.track().repaired(cause, 1) }}}
}

// A sender that is silent for long by itself, as one that sends a picture each two
// seconds, does not lose its place by that.
func TestASenderThatIsRarelyHeardKeepsItsPlace(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	one, other := &speaker{b: b, ssrc: 1}, &speaker{b: b, ssrc: 2, seq: 999, ticks: 1 << 31}
	for i := range 20 {
		one.picture(v)
		one.ticks += 49 * ticksOf
		for range 50 {
			if b.now = b.now.Add(40 * time.Millisecond); i > 0 { // its pace is known
				other.picture(v)
			}
		}
	}
	v.Close()
	b.feed.Close()
	require.Equal(t, 20, one.kept())
	require.Zero(t, other.kept())
}

// An encoder that starts again has another SSRC, and other numbers and times: it is
// taken once the one before is silent, and time goes on.
func TestASenderThatStartsAgainIsTaken(t *testing.T) {
	for name, bye := range map[string]bool{"by silence": false, "after BYE": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.of(codec.H264)
			one, other := &speaker{b: b, ssrc: 1, seq: 40000, ticks: 1 << 30}, &speaker{b: b, ssrc: 2, seq: 3, ticks: 77}
			turn := func(s *speaker, n int) {
				for range n {
					s.picture(v)
					b.now = b.now.Add(40 * time.Millisecond)
				}
			}
			turn(one, 50)
			if bye {
				v.RTCP(&rtcp.Goodbye{Sources: []uint32{9}})
				v.RTCP(&rtcp.Goodbye{Sources: []uint32{1}})
			}
			turn(other, 100)
			v.Close()
			b.feed.Close()
			require.Equal(t, 50, one.kept())
			require.Empty(t, b.shelf.lost, "the numbers of two senders have nothing in common, and what came before it was known is kept")
			require.Equal(t, 100, other.kept())
			last := b.shelf.units[len(b.shelf.units)-1].au
			require.InDelta(t, 149*ticksOf, last.PTS, ticksOf)
			for i := 1; i < len(b.shelf.units); i++ {
				require.Greater(t, b.shelf.units[i].au.DTS, b.shelf.units[i-1].au.DTS)
			}
			require.NotZero(t, b.shelf.units[50].au.Lost)
		})
	}
}

// The Transport header names the sender over UDP: who comes first is not it, unless
// the one that was named never comes.
func TestTheSenderThatWasNamedIsTaken(t *testing.T) {
	for _, comes := range []bool{true, false} {
		b := newBench(t)
		sps, pps := codedSets(false)
		v, err := b.feed.AddRTPTrack(RTPConfig{
			Track: TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, SSRC: 7, Datagrams: true,
		})
		require.NoError(t, err)
		named, other := &speaker{b: b, ssrc: 7}, &speaker{b: b, ssrc: 8}
		for range 100 {
			other.picture(v)
			if comes {
				named.picture(v)
			}
			b.now = b.now.Add(40 * time.Millisecond)
		}
		v.Close()
		b.feed.Close()
		if comes {
			require.Equal(t, 100, named.kept())
			require.Zero(t, other.kept())
			require.EqualValues(t, 100, b.shelf.lost[media.DropForeignSSRC])
			continue
		}
		require.Equal(t, 100, other.kept(), "nothing of the one that sends is lost")
		v.RTCP(&rtcp.SenderReport{SSRC: 7, NTPTime: 5 << 32, RTPTime: other.ticks})
		require.Empty(t, b.shelf.repaired, "its reports are under that name")
		require.Empty(t, b.shelf.lost)
		require.Zero(t, b.feed.memory.held)
		for i, u := range b.shelf.units {
			require.Equal(t, int64(i)*ticksOf, u.au.PTS)
			require.Zero(t, u.au.Lost)
		}
	}
}

// So it is where the session ends before that is certain, and over TCP.
func TestWhatWasSentUnderAWrongNameIsKept(t *testing.T) {
	for _, datagrams := range []bool{false, true} {
		b := newBench(t)
		v := b.of(codec.H264)
		if v.Expect(7); datagrams {
			v.ExpectDatagrams()
		}
		other := &speaker{b: b, ssrc: 8}
		for range 10 {
			other.picture(v)
		}
		v.Close()
		b.feed.Close()
		require.Equal(t, 10, other.kept())
		require.Empty(t, b.shelf.lost)
	}
}

// Reports are the sender's. One of another SSRC is taken as long as nothing shows that
// there is another sender: cameras mix up their SSRCs.
func TestReportsOfAnotherSenderAreLeftOut(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	point := func() point { return v.track().points[sourceReport] }
	v.RTCP(&rtcp.SenderReport{SSRC: 2, NTPTime: 5 << 32, RTPTime: 90000})
	one := &speaker{b: b, ssrc: 1, ticks: 90000}
	one.picture(v)
	require.EqualValues(t, 5e9, point().ns, "before anything is known, and after")
	v.RTCP(&rtcp.SenderReport{SSRC: 2, NTPTime: 6 << 32, RTPTime: 90000})
	require.EqualValues(t, 6e9, point().ns)
	(&speaker{b: b, ssrc: 2}).picture(v)
	require.False(t, point().ok, "there is another sender, and it was that one's")
	v.RTCP(&rtcp.SenderReport{SSRC: 2, NTPTime: 7 << 32, RTPTime: 90000})
	require.False(t, point().ok)
	v.RTCP(&rtcp.SenderReport{SSRC: 1, NTPTime: 8 << 32, RTPTime: 90000})
	require.EqualValues(t, 8e9, point().ns)
	v.RTCP(&rtcp.SenderReport{SSRC: 3, NTPTime: 9 << 32, RTPTime: 90000})
	require.EqualValues(t, 8e9, point().ns)
	require.EqualValues(t, 2, b.shelf.repaired[RepairedReport])
}

// Thousands of senders are one number, not thousands of states.
func TestThousandsOfSenders(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	one := &speaker{b: b, ssrc: 1}
	one.picture(v)
	for i := range 10000 {
		(&speaker{b: b, ssrc: uint32(1000 + i)}).picture(v)
		if i%100 == 0 {
			b.now = b.now.Add(40 * time.Millisecond)
			one.picture(v)
		}
	}
	v.Close()
	b.feed.Close()
	require.Equal(t, 101, one.kept())
	require.EqualValues(t, 10000, b.shelf.lost[media.DropForeignSSRC])
}

func TestPacketsThatWereNotAnnouncedAreSaid(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	for range 20 {
		v.Unannounced(b.now)
		b.now = b.now.Add(time.Second)
	}
	require.Equal(t, map[string]uint64{media.DropWrongPayloadType: 20}, b.shelf.lost)
	require.Equal(t, "h264: nothing of what comes can be kept: wrong_payload_type 20", b.shelf.problems[0].Cause)
	(&speaker{b: b, ssrc: 1}).picture(v)
	v.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 1)
	require.Nil(t, b.shelf.problems[0])
}
