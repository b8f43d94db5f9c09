package rtp

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// adtsHeader returns the header of an ADTS frame of AAC-LC in stereo (ISO/IEC 14496-3, 1.A.2), without a checksum or,
// after 9 bytes, with one.
func adtsHeader(after, rate, bytes int) []byte {
	absent := byte(1)
	if after == 9 {
		absent = 0
	}
	n := after + bytes
	h := []byte{0xff, 0xf0 | absent, byte(1<<6 | rate<<2), byte(2<<6 | n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc, 0xab, 0xcd}
	return h[:after]
}

// adtsPacket returns a packet of frames of the sizes, each after a header and an access unit of its own, and the frames.
func adtsPacket(seq uint16, after, rate int, sizes ...int) (p *rtp.Packet, bare [][]byte) {
	var data []byte
	var units []int
	for i, size := range sizes {
		f := frame(i, size)
		data = append(append(data, adtsHeader(after, rate, size)...), f...)
		units, bare = append(units, after+size), append(bare, f)
	}
	return aacPacket(seq, true, units, data), bare
}

// Some cameras put an ADTS header before each frame.
func TestADTSHeadersAreRemoved(t *testing.T) {
	for _, after := range []int{7, 9} {
		a := newAAC(t)
		for seq := range uint16(3) {
			p, want := adtsPacket(seq, after, 3, 100, 1, 300)
			got, err := a.unpack(p, noDescription)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		p, want := adtsPacket(4, after, 3, 10, 20)
		joined := aacPacket(4, true, []int{2*after + 30}, p.Payload[6:]) // both frames as one access unit
		got, err := a.unpack(joined, noDescription)
		require.NoError(t, err)
		require.Equal(t, want, got)
		for _, damaged := range [][]byte{p.Payload[6 : 6+after+9], frame(0, after+30), {0xff}} {
			_, err = a.unpack(aacPacket(5, true, []int{len(damaged)}, damaged), noDescription)
			require.Error(t, err)
		}
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = a.unpack(joined, noDescription) }))
	}
}

// A frame of AAC whose first bytes are those of an ADTS header is kept.
func TestFramesWithoutADTSHeadersAreKept(t *testing.T) {
	a := newAAC(t)
	first := append(adtsHeader(7, 3, 50), frame(0, 30)...)
	got, err := a.unpack(aacPacket(1, true, []int{len(first)}, first), noDescription)
	require.NoError(t, err)
	require.Equal(t, [][]byte{first}, got)
	p, _ := adtsPacket(2, 7, 3, 40)
	got, err = a.unpack(p, noDescription)
	require.NoError(t, err)
	require.Equal(t, [][]byte{p.Payload[4:]}, got, "the first frame decides")
}

// Without a configuration in the description, the headers have it; a new one replaces it.
func TestADTSHeadersDescribeTheTrack(t *testing.T) {
	f := Format{PayloadType: 96}
	f.ReadMap("mpeg4-generic/48000/2")
	f.ReadParameters("mode=AAC-hbr")
	f.Complete("audio")
	c, err := f.Config(Options{})
	require.NoError(t, err)
	require.Empty(t, c.Track.ParameterSets)
	require.EqualValues(t, 48000, c.Track.Timescale)
	var sets [][]byte
	describe := func(set []byte) error { sets = append(sets, set); return nil }
	for seq, rate := range []int{3, 3, 6, 6} {
		p, want := adtsPacket(uint16(seq), 7, rate, 100)
		got, err := c.Audio.unpack(p, describe)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.EqualValues(t, map[int]int{3: 1024, 6: 2048}[rate], c.Audio.duration(1, 48000))
	}
	require.Equal(t, [][]byte{ingesttest.AACLC48, {0x13, 0x10}}, sets)
	bare, err := AACPayload(nil, [3]int{13, 3, 3})
	require.NoError(t, err)
	_, err = bare.unpack(aacPacket(1, true, []int{30}, frame(0, 30)), describe)
	require.ErrorIs(t, err, errNoConfig)
}
