package rtp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// numberedNAL is a NAL unit that a test sends with a decoding order number.
type numberedNAL struct {
	picture int
	don     uint16
	nal     []byte
}

// interleave numbers the NAL units of pictures, step apart, and changes their order: each moves by at most the given
// number of places.
func interleave(rnd *rand.Rand, aus [][][]byte, first, step uint16, places int) (out []numberedNAL) {
	don := first
	var keys []int
	for i, au := range aus {
		for _, nal := range au {
			keys = append(keys, len(out)+rnd.IntN(places+1))
			out = append(out, numberedNAL{i, don, nal})
			don += step
		}
	}
	for i := 1; i < len(out); i++ { // by keys; equal ones stay
		for j := i; j > 0 && keys[j-1] > keys[j]; j-- {
			keys[j-1], keys[j] = keys[j], keys[j-1]
			out[j-1], out[j] = out[j], out[j-1]
		}
	}
	return out
}

const ticksOf = 3600 // a picture

// packed puts NAL units into packets of every kind that carries numbers.
func packed(rnd *rand.Rand, coding media.Codec, list []numberedNAL) (out []*rtp.Packet) {
	if coding == codec.H265 {
		return packed265(rnd, list)
	}
	add := func(picture int, payload ...byte) {
		out = append(out, &rtp.Packet{Header: rtp.Header{Timestamp: uint32(picture) * ticksOf}, Payload: payload})
	}
	be := binary.BigEndian.AppendUint16
	for len(list) > 0 {
		n := list[0]
		switch kind := rnd.IntN(4); {
		case kind == 0: // FU-B, then FU-A
			third := len(n.nal) / 3
			add(n.picture, append(be([]byte{n.nal[0]&0xe0 | fuB, 0x80 | n.nal[0]&0x1f}, n.don), n.nal[1:third]...)...)
			add(n.picture, append([]byte{n.nal[0]&0xe0 | fuA, n.nal[0] & 0x1f}, n.nal[third:2*third]...)...)
			add(n.picture, append([]byte{n.nal[0]&0xe0 | fuA, 0x40 | n.nal[0]&0x1f}, n.nal[2*third:]...)...)
			list = list[1:]
		case kind == 1: // STAP-B, of NAL units whose numbers follow each other
			p, k := be([]byte{0x60 | stapB}, n.don), 0
			for ; k < min(3, len(list)) && list[k].picture == n.picture && list[k].don == n.don+uint16(k); k++ {
				p = append(be(p, uint16(len(list[k].nal))), list[k].nal...)
			}
			add(n.picture, p...)
			list = list[k:]
		default: // MTAP
			k := min(1+rnd.IntN(3), len(list))
			first, base := n.picture, n.don
			for _, m := range list[:k] {
				first = min(first, m.picture)
				if int16(m.don-base) < 0 {
					base = m.don
				}
			}
			p := be([]byte{byte(0x60 | mtap16 - 2 + kind)}, base)
			for _, m := range list[:k] {
				p = append(be(p, uint16(len(m.nal))), byte(m.don-base))
				if offset := uint32(m.picture-first) * ticksOf; kind == 3 {
					p = append(p, byte(offset>>16), byte(offset>>8), byte(offset))
				} else {
					p = be(p, uint16(offset))
				}
				p = append(p, m.nal...)
			}
			add(first, p...)
			list = list[k:]
		}
	}
	return out
}

func packed265(rnd *rand.Rand, list []numberedNAL) (out []*rtp.Packet) {
	add := func(picture int, payload ...byte) {
		if rnd.IntN(4) == 0 { // in a PACI packet, with an extension of three bytes
			kind := payload[0] >> 1 & 0x3f
			payload = append([]byte{paciH265 << 1, payload[1], kind << 1, 3 << 4, 1, 2, 3}, payload[2:]...)
		}
		out = append(out, &rtp.Packet{Header: rtp.Header{Timestamp: uint32(picture) * ticksOf}, Payload: payload})
	}
	be := binary.BigEndian.AppendUint16
	for len(list) > 0 {
		n := list[0]
		kind := n.nal[0] >> 1
		switch rnd.IntN(3) {
		case 0:
			add(n.picture, append(be([]byte{n.nal[0], n.nal[1]}, n.don), n.nal[2:]...)...)
			list = list[1:]
		case 1:
			half := len(n.nal) / 2
			add(n.picture, append(be([]byte{fuH265 << 1, 1, 0x80 | kind}, n.don), n.nal[2:half]...)...)
			add(n.picture, append([]byte{fuH265 << 1, 1, 0x40 | kind}, n.nal[half:]...)...)
			list = list[1:]
		case 2:
			p, k := be([]byte{apH265 << 1, 1}, n.don), 0
			for ; k < min(3, len(list)) && list[k].picture == n.picture && (k == 0 || list[k].don-list[k-1].don-1 < 256); k++ {
				if k > 0 {
					p = append(p, byte(list[k].don-list[k-1].don-1))
				}
				p = append(be(p, uint16(len(list[k].nal))), list[k].nal...)
			}
			add(n.picture, p...)
			list = list[k:]
		}
	}
	return out
}

// TestDecodingOrderIsRestored sends NAL units out of order, in every packing, over a wrap of their numbers, and loses
// packets: received pictures are whole, and every picture without a loss is received, at its time.
func TestDecodingOrderIsRestored(t *testing.T) {
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		for _, step := range []uint16{1, 3} {
			for _, lossPercent := range []int{0, 3} {
				for _, depth := range []int{0, 20} {
					t.Run(fmt.Sprint(coding, ", numbers ", step, " apart, ", lossPercent, " % lost, depth ", depth), func(t *testing.T) {
						restored(t, coding, step, lossPercent, depth, 0)
					})
				}
			}
		}
	}
}

// TestAStalledNetworkLosesNothingOutOfOrder delays all packets: none of them is too late for its place.
func TestAStalledNetworkLosesNothingOutOfOrder(t *testing.T) {
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		restored(t, coding, 1, 0, 20, 3*time.Second)
	}
}

func restored(t *testing.T, coding media.Codec, step uint16, lossPercent, depth int, stall time.Duration) {
	rnd := rand.New(rand.NewPCG(11, uint64(step)))
	aus := ingesttest.Pictures(rnd, coding, 80)
	b := newBench(t)
	c := Config{Track: ingest.TrackConfig{Codec: coding, Timescale: 90000}, DecodingOrder: true, OrderDepth: depth}
	sps, pps := ingesttest.CodedSets(false)
	if c.Track.ParameterSets = [][]byte{sps, pps}; coding == codec.H265 {
		c.Track.ParameterSets = [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}
	}
	track, err := Add(b.Feed, c)
	require.NoError(t, err)
	list := interleave(rnd, aus, 65500, step, 10)
	number := map[string]int{}
	for i, au := range aus {
		number[ingesttest.HashOf(ingesttest.PictureOf(coding, au))] = i
	}
	lost := 0
	packets := packed(rnd, coding, list)
	for i, p := range packets {
		if p.SequenceNumber = uint16(i); rnd.IntN(100) < lossPercent && i > 20 && i < len(packets)-1 {
			lost++
			continue
		}
		if i%10 == 9 {
			b.Now = b.Now.Add(stall)
		}
		require.NoError(t, track.Packet(p, b.Now))
		require.LessOrEqual(t, len(track.order.held), max(depth, defaultDepth)+1)
	}
	track.Close()
	b.Feed.Close()
	came := 0
	for _, u := range b.Publisher.Units {
		i, known := number[ingesttest.HashOf(ingesttest.PictureOf(coding, u.NALs))]
		require.True(t, known, "a picture is stored in part, or two as one")
		came++
		require.Equal(t, int64(i)*ticksOf, u.AU.PTS-b.Publisher.Units[0].AU.PTS+int64(number[ingesttest.HashOf(ingesttest.PictureOf(coding, b.Publisher.Units[0].NALs))])*ticksOf)
		if lost == 0 {
			require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs))
		}
	}
	if lost == 0 {
		require.Empty(t, b.Publisher.Losses)
		require.Equal(t, len(aus), came)
		return
	}
	require.Greater(t, came, len(aus)/4)
	require.EqualValues(t, lost, b.Publisher.Losses[media.DropRTPLoss])
	require.NotZero(t, b.Publisher.Losses[media.DropDamaged])
}

// NAL units in order with consecutive numbers do not wait.
func TestDecodingOrderDoesNotDelayUnitsInOrder(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	track, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true})
	require.NoError(t, err)
	for i, au := range ingesttest.Frames264(60) {
		b.Now = b.Now.Add(40e6)
		for k, nal := range au {
			p := binary.BigEndian.AppendUint16([]byte{0x60 | stapB}, uint16(2*i+k))
			p = append(binary.BigEndian.AppendUint16(p, uint16(len(nal))), nal...)
			b.Send(track, uint32(i)*ticksOf, k == 1, p...)
		}
		if i > 26 { // after a second
			require.Empty(t, track.order.held)
		}
	}
}

// A number that goes back for good means that the sender counts anew.
func TestDecodingOrderBeginsAnew(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	track, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true, OrderDepth: 8})
	require.NoError(t, err)
	aus := ingesttest.Pictures(rnd, codec.H264, 100)
	packets := packed(rnd, codec.H264, interleave(rnd, aus[:50], 30000, 1, 4))
	for _, p := range packed(rnd, codec.H264, interleave(rnd, aus[50:], 7, 1, 4)) {
		p.Timestamp += 50 * ticksOf
		packets = append(packets, p)
	}
	for i, p := range packets {
		p.SequenceNumber = uint16(i)
		require.NoError(t, track.Packet(p, b.Now))
	}
	track.Close()
	b.Feed.Close()
	require.NotZero(t, b.Publisher.Losses[media.DropDecodingOrder])
	require.GreaterOrEqual(t, len(b.Publisher.Units), 90)
}

// Modes 0 and 1 exclude these packets, but some senders use them, in order.
func TestPackingsOfAnotherModeAreAccepted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	aus := ingesttest.Pictures(rnd, codec.H264, 60)
	b := newBench(t)
	track := b.Of(codec.H264)
	packets := packed(rnd, codec.H264, interleave(rnd, aus, 9, 1, 0))
	for i, p := range packets {
		p.SequenceNumber = uint16(i)
		require.NoError(t, track.Packet(p, b.Now))
	}
	track.Close()
	b.Feed.Close()
	require.Empty(t, b.Publisher.Losses)
	require.Equal(t, len(aus), len(b.Publisher.Units))
	for i, u := range b.Publisher.Units {
		require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs), "picture %d", i)
		require.Equal(t, int64(i)*ticksOf, u.AU.PTS)
	}
}

// A fragment without an end, distant numbers, and many NAL units of one number are bounded.
func TestDecodingOrderIsBounded(t *testing.T) {
	for name, send := range map[string]func(b *bench, v *Track, i int){
		"a fragment without an end": func(b *bench, v *Track, i int) {
			p := append([]byte{0x7c, 5}, make([]byte, 60000)...)
			if i == 0 {
				p = []byte{0x7d, 0x85, 0, 1, 0x88}
			}
			b.Send(v, 0, false, p...)
		},
		"numbers far apart": func(b *bench, v *Track, i int) {
			don := uint16(i) * 30011
			b.Send(v, 0, false, append([]byte{0x79, byte(don >> 8), byte(don), 0x9c, 0x40, 0x65, 0x88}, make([]byte, 39998)...)...)
		},
		"one number": func(b *bench, v *Track, i int) {
			b.Send(v, 0, false, append([]byte{0x79, 0, 1, 0x9c, 0x40, 0x65, 0x88}, make([]byte, 39998)...)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			sps, pps := ingesttest.CodedSets(false)
			v, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true, OrderDepth: 1 << 20})
			require.NoError(t, err)
			for i := range 700 {
				send(b, v, i)
				require.LessOrEqual(t, v.order.bytes, maxOrderBytes+1<<20)
				require.LessOrEqual(t, b.Feed.HeldBytes(), int64(96<<20))
			}
			v.Close()
			b.Feed.Close()
			require.Zero(t, b.Feed.HeldBytes())
		})
	}
}

// Sound does not begin alone beside numbered pictures: the first of them wait for others that may be decoded before
// them.
func TestSoundWaitsForPicturesOutOfOrder(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true})
	require.NoError(t, err)
	a := b.audio()
	for i := range uint16(30) { // ten pictures a second
		for k := range uint32(5) {
			b.Send(a, (uint32(i)*5+k)*960, true, 1, byte(k))
		}
		b.Send(v, uint32(i)*9000, true, append([]byte{0x60 | stapB, byte(i >> 8), byte(i), 0, 40}, ingesttest.Coded{Kind: 5, IDRID: uint32(i)}.NAL(false)[:40]...)...)
		b.Now = b.Now.Add(100 * time.Millisecond)
	}
	v.Close()
	a.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Sets, 1)
	require.Len(t, b.Publisher.Sets[0], 2)
}
