package rtp

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// speaker sends pictures of one packet each with numbers and times of its own.
type speaker struct {
	b     *bench
	ssrc  uint32
	seq   uint16
	ticks uint32
	n     int
}

func (s *speaker) picture(v *Track) {
	nal := []byte{0x41, 0x9a, byte(s.n), byte(s.ssrc)}
	if s.n%25 == 0 {
		nal = []byte{0x65, 0x88, byte(s.n), byte(s.ssrc)}
	}
	p := &rtp.Packet{Header: rtp.Header{SSRC: s.ssrc, SequenceNumber: s.seq, Timestamp: s.ticks, Marker: true}, Payload: nal}
	require.NoError(s.b.T, v.Packet(p, s.b.Now))
	s.seq, s.ticks, s.n = s.seq+1, s.ticks+ticksOf, s.n+1
}

// kept counts the sender's recorded pictures.
func (s *speaker) kept() (n int) {
	for _, u := range s.b.Publisher.Units {
		if last := u.NALs[len(u.NALs)-1]; last[len(last)-1] == byte(s.ssrc) {
			n++
		}
	}
	return n
}

// Two senders to one port: the first is recorded whole, and the other one's packets are counted.
func TestTwoSendersAreNotMixed(t *testing.T) {
	for _, datagrams := range []bool{false, true} {
		for _, theirs := range []int{1, 2, 7} { // pictures of the other sender for each of the first
			b := newBench(t)
			v := b.Of(codec.H264)
			if datagrams {
				v.datagrams = &datagramsOf(v).datagrams
			}
			one, other := &speaker{b: b, ssrc: 1, seq: 65500}, &speaker{b: b, ssrc: 2, seq: 65501, ticks: 1 << 31}
			for range 200 {
				one.picture(v)
				for range theirs {
					other.picture(v)
				}
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			v.Close()
			b.Feed.Close()
			require.Equal(t, 200, one.kept())
			require.Len(t, b.Publisher.Units, 200)
			require.Equal(t, map[string]uint64{media.DropForeignSSRC: uint64(200 * theirs)}, b.Publisher.Losses)
			require.Equal(t, 1, strings.Count(b.Log.String(), "packets of another sender"))
			for i, u := range b.Publisher.Units {
				require.Equal(t, int64(i)*ticksOf, u.AU.PTS)
			}
		}
	}
}

// datagramsOf makes a track use datagrams.
func datagramsOf(v *Track) *arrivals {
	return &arrivals{datagrams: datagrams{deliver: v.take, count: func(cause string) { v.to.Repaired(cause, 1) }}}
}

// A sender with long regular pauses, such as a picture each two seconds, is not replaced because of them.
func TestASenderWithLongPausesKeepsItsPlace(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	one, other := &speaker{b: b, ssrc: 1}, &speaker{b: b, ssrc: 2, seq: 999, ticks: 1 << 31}
	for i := range 20 {
		one.picture(v)
		one.ticks += 49 * ticksOf
		for range 50 {
			if b.Now = b.Now.Add(40 * time.Millisecond); i > 0 { // its pace is known
				other.picture(v)
			}
		}
	}
	v.Close()
	b.Feed.Close()
	require.Equal(t, 20, one.kept())
	require.Zero(t, other.kept())
}

// A restarted encoder has another SSRC, and other numbers and times: it is accepted once the earlier sender is
// silent, and time continues.
func TestARestartedSenderIsAccepted(t *testing.T) {
	for name, bye := range map[string]bool{"by silence": false, "after BYE": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Of(codec.H264)
			one, other := &speaker{b: b, ssrc: 1, seq: 40000, ticks: 1 << 30}, &speaker{b: b, ssrc: 2, seq: 3, ticks: 77}
			turn := func(s *speaker, n int) {
				for range n {
					s.picture(v)
					b.Now = b.Now.Add(40 * time.Millisecond)
				}
			}
			turn(one, 50)
			if bye {
				v.RTCP(&rtcp.Goodbye{Sources: []uint32{9}})
				v.RTCP(&rtcp.Goodbye{Sources: []uint32{1}})
			}
			turn(other, 100)
			v.Close()
			b.Feed.Close()
			require.Equal(t, 50, one.kept())
			require.Empty(t, b.Publisher.Losses, "the numbers of two senders are unrelated, and the packets before the decision are kept")
			require.Equal(t, 100, other.kept())
			last := b.Publisher.Units[len(b.Publisher.Units)-1].AU
			require.InDelta(t, 149*ticksOf, last.PTS, ticksOf)
			for i := 1; i < len(b.Publisher.Units); i++ {
				require.Greater(t, b.Publisher.Units[i].AU.DTS, b.Publisher.Units[i-1].AU.DTS)
			}
			require.NotZero(t, b.Publisher.Units[50].AU.Lost)
		})
	}
}

// The Transport header names the sender over UDP: an earlier packet of another sender does not count, unless the
// named one never sends.
func TestTheNamedSenderIsAccepted(t *testing.T) {
	for _, comes := range []bool{true, false} {
		b := newBench(t)
		sps, pps := ingesttest.CodedSets(false)
		v, err := Add(b.Feed, Config{
			Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, SSRC: 7, Datagrams: true,
		})
		require.NoError(t, err)
		named, other := &speaker{b: b, ssrc: 7}, &speaker{b: b, ssrc: 8}
		for range 100 {
			other.picture(v)
			if comes {
				named.picture(v)
			}
			b.Now = b.Now.Add(40 * time.Millisecond)
		}
		v.Close()
		b.Feed.Close()
		if comes {
			require.Equal(t, 100, named.kept())
			require.Zero(t, other.kept())
			require.EqualValues(t, 100, b.Publisher.Losses[media.DropForeignSSRC])
			continue
		}
		require.Equal(t, 100, other.kept(), "nothing of the one that sends is lost")
		v.RTCP(&rtcp.SenderReport{SSRC: 7, NTPTime: 5 << 32, RTPTime: other.ticks})
		require.Empty(t, b.Publisher.Repairs, "its reports are under that name")
		require.Empty(t, b.Publisher.Losses)
		require.Zero(t, b.Feed.HeldBytes())
		for i, u := range b.Publisher.Units {
			require.Equal(t, int64(i)*ticksOf, u.AU.PTS)
			require.Zero(t, u.AU.Lost)
		}
	}
}

// The same if the session ends before the sender is certain, and over TCP.
func TestPacketsUnderAWrongSSRCAreKept(t *testing.T) {
	for _, datagrams := range []bool{false, true} {
		b := newBench(t)
		v := b.Of(codec.H264)
		if v.Expect(7); datagrams {
			v.ExpectDatagrams()
		}
		other := &speaker{b: b, ssrc: 8}
		for range 10 {
			other.picture(v)
		}
		v.Close()
		b.Feed.Close()
		require.Equal(t, 10, other.kept())
		require.Empty(t, b.Publisher.Losses)
	}
}

// Only the sender's reports count. A report of another SSRC counts as long as no other sender is known: some cameras
// mix up their SSRCs.
func TestReportsOfAnotherSenderAreLeftOut(t *testing.T) {
	report := func(ssrc uint32, second uint64) func(b *bench, v *Track) {
		return func(_ *bench, v *Track) {
			v.RTCP(&rtcp.SenderReport{SSRC: ssrc, NTPTime: second << 32, RTPTime: 90000})
		}
	}
	var one *speaker
	steps := []struct {
		do func(b *bench, v *Track)
		at int64 // s: the report that places the track; 0: none
	}{
		{func(b *bench, v *Track) {
			report(2, 6)(b, v)
			one = &speaker{b: b, ssrc: 1, ticks: 90000}
			one.picture(v)
		}, 6}, // before anything is known, and after
		{report(2, 7), 7},
		{func(b *bench, v *Track) { (&speaker{b: b, ssrc: 2}).picture(v) }, 0}, // there is another sender, to which the report belongs
		{report(2, 8), 0},
		{report(1, 9), 9},
		{report(3, 7), 9},
	}
	for n := range steps {
		b := newBench(t)
		v, a := b.Of(codec.H264), b.audio()
		a.SenderReport(5<<32, 48000)
		for _, step := range steps[:n+1] {
			step.do(b, v)
		}
		b.Send(a, 48000, true, 1)
		v.Close()
		a.Close()
		b.Feed.Close()
		apart := media.ToNanos(b.Publisher.Of(codec.H264)[0].AU.PTS, 90000) - media.ToNanos(b.Publisher.Of(codec.AAC)[0].AU.PTS, 48000)
		if want := steps[n].at; want > 0 {
			require.Equal(t, (want-5)*1e9, apart, "step %d", n)
		} else {
			require.Zero(t, apart, "step %d: by arrival", n)
		}
		if n == len(steps)-1 {
			require.EqualValues(t, 2, b.Publisher.Repairs[ingest.RepairedReport])
		}
	}
}

// Thousands of senders take one counter, not thousands of states.
func TestThousandsOfSenders(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	one := &speaker{b: b, ssrc: 1}
	one.picture(v)
	for i := range 10000 {
		(&speaker{b: b, ssrc: uint32(1000 + i)}).picture(v)
		if i%100 == 0 {
			b.Now = b.Now.Add(40 * time.Millisecond)
			one.picture(v)
		}
	}
	v.Close()
	b.Feed.Close()
	require.Equal(t, 101, one.kept())
	require.EqualValues(t, 10000, b.Publisher.Losses[media.DropForeignSSRC])
}

func TestUnannouncedPacketsAreReported(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	for range 20 {
		v.Unannounced(b.Now)
		b.Now = b.Now.Add(time.Second)
	}
	require.Equal(t, map[string]uint64{media.DropWrongPayloadType: 20}, b.Publisher.Losses)
	require.Equal(t, "h264: no access unit can be recorded: wrong_payload_type 20", b.Publisher.Problems[0].Cause)
	(&speaker{b: b, ssrc: 1}).picture(v)
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 1)
	require.Nil(t, b.Publisher.Problems[0])
}
