package rtp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// arrivals records the packets that datagrams passes on.
type arrivals struct {
	datagrams
	now    time.Time
	out    []uint16
	times  []time.Time
	counts map[string]int
}

func newArrivals() *arrivals {
	a := &arrivals{now: time.Now(), counts: map[string]int{}}
	a.deliver = func(p *rtp.Packet, at time.Time) error {
		if len(p.Payload) != 2 || uint16(p.Payload[0])<<8|uint16(p.Payload[1]) != p.SequenceNumber {
			panic("the payload of another packet")
		}
		a.out, a.times = append(a.out, p.SequenceNumber), append(a.times, at)
		return nil
	}
	a.count = func(cause string) { a.counts[cause]++ }
	return a
}

func (a *arrivals) send(numbers ...uint16) {
	for _, n := range numbers {
		payload := []byte{byte(n >> 8), byte(n)}
		if err := a.packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: n}, Payload: payload}, a.now); err != nil {
			panic(err)
		}
		payload[0], payload[1] = 0xff, 0xff // the payload must not be kept
	}
}

func TestDatagramsAreOrdered(t *testing.T) {
	for name, c := range map[string]struct {
		in, out     []uint16
		twice, late int
	}{
		"in order":              {in: []uint16{7, 8, 9}, out: []uint16{7, 8, 9}},
		"two changed":           {in: []uint16{7, 9, 8, 10}, out: []uint16{7, 8, 9, 10}},
		"over the wrap":         {in: []uint16{65534, 0, 65535, 1}, out: []uint16{65534, 65535, 0, 1}},
		"twice":                 {in: []uint16{7, 8, 8, 7, 9}, out: []uint16{7, 8, 9}, twice: 2},
		"twice, while it waits": {in: []uint16{7, 9, 9, 8}, out: []uint16{7, 8, 9}, twice: 1},
		"before the first":      {in: []uint16{7, 6, 8}, out: []uint16{6, 7, 8}},
		"one is lost":           {in: append([]uint16{1}, upTo(3, 400)...), out: append([]uint16{1}, upTo(3, 400)...)},
		"far ahead":             {in: []uint16{1, 3, 1000, 1001}, out: []uint16{1, 3, 1000, 1001}},
		"begun anew, near by":   {in: append([]uint16{30000}, upTo(29800, 30000)...), out: append([]uint16{30000}, upTo(29863, 30000)...), late: 63},
		"begun anew":            {in: []uint16{30000, 5, 6, 7, 8}, out: []uint16{30000, 7, 8}, late: 2},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArrivals()
			a.send(c.in...)
			require.NoError(t, a.flush())
			require.Equal(t, c.out, a.out)
			require.Equal(t, c.twice, a.counts[ingest.RepairedTwice])
			require.Equal(t, c.late, a.counts[ingest.RepairedLate])
			require.Zero(t, a.bytes)
		})
	}
}

func upTo(from, to uint16) (out []uint16) {
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}

// A missing packet is waited for up to a bound; a packet that arrives after that is late the first time, and a
// duplicate after that.
func TestDatagramsWaitForATime(t *testing.T) {
	a := newArrivals()
	a.send(1)
	require.Empty(t, a.out, "earlier packets may still arrive")
	a.now = a.now.Add(DefaultWait)
	a.send(3)
	a.now = a.now.Add(DefaultWait - 1)
	a.send(4)
	require.Equal(t, []uint16{1}, a.out)
	a.now = a.now.Add(1)
	require.NoError(t, a.overdue(a.now))
	require.Equal(t, []uint16{1, 3, 4}, a.out)
	require.True(t, slices.IsSortedFunc(a.times, time.Time.Compare))
	a.send(2, 2, 5)
	require.Equal(t, []uint16{1, 3, 4, 5}, a.out)
	require.Equal(t, map[string]int{ingest.RepairedLate: 1, ingest.RepairedTwice: 1}, a.counts)
}

func TestDatagramsThatWaitAreBounded(t *testing.T) {
	a := newArrivals()
	a.deliver = func(*rtp.Packet, time.Time) error { return nil }
	require.NoError(t, a.packet(&rtp.Packet{}, a.now))
	for i := range uint16(150) {
		require.NoError(t, a.packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: 2 + 2*i}, Payload: make([]byte, 60000)}, a.now))
		require.LessOrEqual(t, a.bytes, maxAheadBytes+60000)
		require.LessOrEqual(t, a.n, maxAhead)
		kept := 0
		for _, h := range a.free {
			kept += cap(h.buf)
		}
		require.LessOrEqual(t, kept, keptDatagrams*keptDatagramBytes)
	}
}

// TestAnyNetworkIsPutRight reorders within a window, duplicates and loses: each received packet is passed on once, in
// order.
func TestAnyNetworkIsPutRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	for range 60 {
		a := newArrivals()
		first, window := uint16(rnd.Uint32()), 1+rnd.IntN(20)
		type sent struct {
			at  int
			seq uint16
		}
		var order []sent
		var want []uint16
		twice := 0
		for i := range 500 {
			if i > 0 && rnd.IntN(20) == 0 {
				continue
			}
			seq, at := first+uint16(i), i+rnd.IntN(window)
			if i == 0 {
				at = -1
			}
			want = append(want, seq)
			if order = append(order, sent{at, seq}); rnd.IntN(10) == 0 {
				twice++
				order = append(order, sent{at + rnd.IntN(window), seq})
			}
		}
		slices.SortStableFunc(order, func(a, b sent) int { return a.at - b.at })
		for _, s := range order {
			a.send(s.seq)
		}
		require.NoError(t, a.flush())
		require.Equal(t, want, a.out)
		require.Equal(t, twice, a.counts[ingest.RepairedTwice]+a.counts[ingest.RepairedLate])
		require.Zero(t, a.counts[ingest.RepairedLate])
	}
}

// A sender's packets over a reordering network are recorded whole; each loss is counted once.
func TestATrackOfDatagrams(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, Datagrams: true})
	require.NoError(t, err)
	var packets []*rtp.Packet
	for i, au := range ingesttest.Pictures(rnd, codec.H264, 100) {
		for _, p := range ingesttest.Packetize(t, codec.H264, au) {
			p.SequenceNumber, p.Timestamp = uint16(65400+len(packets)), uint32(i)*ticksOf
			packets = append(packets, p)
		}
	}
	for i := 2; i+1 < len(packets); i += 3 {
		packets[i], packets[i+1] = packets[i+1], packets[i]
	}
	for i, p := range packets {
		if i != 70 {
			require.NoError(t, v.Packet(p, b.Now))
		}
	}
	v.Close()
	b.Feed.Close()
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropRTPLoss])
	require.InDelta(t, 100, len(b.Publisher.Units), 2)
	require.Zero(t, b.Feed.HeldBytes())
}

func TestDatagramsInOrderAreNotAllocatedFor(t *testing.T) {
	a := newArrivals()
	a.deliver = func(*rtp.Packet, time.Time) error { return nil }
	p := &rtp.Packet{Payload: make([]byte, 1400)}
	next := func(n uint16) {
		p.SequenceNumber = n
		if err := a.packet(p, a.now); err != nil {
			t.Fatal(err)
		}
	}
	seq := uint16(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() { next(seq); seq++ }))
	require.Zero(t, testing.AllocsPerRun(1000, func() { next(seq + 1); next(seq); seq += 2 }), "later waiting packets cost no allocation either")
}

// FuzzDatagrams checks that packets are passed on in the order of their numbers unless the sender starts over, none
// twice in a row, and that the waiting packets are bounded.
func FuzzDatagrams(f *testing.F) {
	f.Add([]byte{1, 1, 2, 0xff, 1, 1})
	f.Add([]byte{1, 200, 0x80, 7, 3, 0x81, 0x81, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		a := newArrivals()
		seq, sent := uint16(65500), 0
		for _, s := range steps {
			if s == 0x80 {
				seq += 0x4000
			} else {
				seq += uint16(int16(int8(s)))
			}
			a.now = a.now.Add(time.Duration(s) * time.Millisecond)
			a.send(seq)
			sent++
			require.LessOrEqual(t, a.n, maxAhead)
		}
		require.NoError(t, a.flush())
		require.Zero(t, a.n)
		require.Zero(t, a.bytes)
		require.Equal(t, sent, len(a.out)+a.counts[ingest.RepairedTwice]+a.counts[ingest.RepairedLate], "each is counted")
		require.True(t, slices.IsSortedFunc(a.times, time.Time.Compare))
	})
}

// The first packets wait for earlier ones: no data counts as missing meanwhile, however long the recorder has run.
func TestWaitingFirstPacketsDoNotCountAsMissing(t *testing.T) {
	b := newBench(t)
	b.Now = b.Now.Add(time.Hour)
	v := b.Of(codec.H264)
	v.ExpectDatagrams()
	(&speaker{b: b, ssrc: 1}).picture(v)
	require.Empty(t, b.Publisher.Units, "it waits")
	require.Nil(t, b.Publisher.Problems[0])
	require.NotContains(t, b.Log.String(), "no access unit of a track can be recorded")
}

// The missing packet of a track may lie unread in its own socket while the data of another track arrives. Only a long
// silence of the track itself ends the wait.
func TestDataOfAnotherTrackDeclaresNoPacketLost(t *testing.T) {
	for silence, lost := range map[time.Duration]uint64{1500 * time.Millisecond: 0, 5 * time.Second: 1} {
		b := newBench(t)
		v, sound := b.Of(codec.H264), b.audio()
		v.ExpectDatagrams()
		sound.ExpectDatagrams()
		b.SendPictures(v, 1, 0, 30, nil)
		b.SendPictures(v, 31, 30*ticksOf, 2, func(i int) bool { return i == 0 }) // the second one alone
		for at := time.Duration(0); at < silence; at += 100 * time.Millisecond {
			b.Now = b.Now.Add(100 * time.Millisecond)
			b.Send(sound, uint32(at/time.Millisecond)*48, true, 1)
		}
		require.Equal(t, lost, b.Publisher.Losses[media.DropRTPLoss], "after %s", silence)
		require.Equal(t, lost == 1, v.datagrams.n == 0, "held packets after %s", silence)
		b.SendPictures(v, 31, 30*ticksOf, 1, nil)
		v.Close()
		sound.Close()
		b.Feed.Close()
		require.Equal(t, lost, b.Publisher.Losses[media.DropRTPLoss], "after %s", silence)
		require.EqualValues(t, lost, b.Publisher.Repairs[ingest.RepairedLate], "after %s", silence)
	}
}

// The feed waits for a track whose only datagram so far is held: the recording begins with its picture.
func TestTheFirstDatagramOfASlowTrackIsWaitedFor(t *testing.T) {
	b := newBench(t)
	v, sound := b.Of(codec.H264), b.audio()
	v.ExpectDatagrams()
	sound.ExpectDatagrams()
	b.SendPictures(v, 1, 0, 1, nil)
	for i := range uint32(50) {
		b.Now = b.Now.Add(100 * time.Millisecond)
		b.Send(sound, i*4800, true, 1)
	}
	require.NotEmpty(t, b.Publisher.Sets)
	require.Len(t, b.Publisher.Sets[0], 2, "tracks")
	require.Equal(t, codec.H264, b.Publisher.Units[0].Codec)
	v.Close()
	sound.Close()
	b.Feed.Close()
	require.Zero(t, b.Feed.HeldBytes())
}
