package rtp

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// Headers of 1280x720 and of 320x180, the latter with B-VOPs.
const (
	headersMPEG4      = "000001b001000001b58913000001000000012000c48d8800cd28045a1443"
	smallHeadersMPEG4 = "000001b0f1000001b5a913000001000000012008d4f818250800cd0a041694103f"
)

func vop(kind byte, headers string, n int) []byte {
	b, _ := hex.DecodeString(headers)
	b = append(b, 0, 0, 1, 0xb6, kind<<6)
	for i := range n {
		b = append(b, byte(0x80|i))
	}
	return b
}

// sendMPEG4 sends VOPs in packets of 100 bytes. lost numbers a packet that is lost; negative: none.
func sendMPEG4(t *testing.T, config string, lost int, ticks []uint32, vops ...[]byte) *bench {
	b := newBench(t)
	f := Format{Name: "mp4v-es", Clock: 90000}
	f.ReadParameters("profile-level-id=1;config=" + config)
	c, err := f.Config(Options{})
	require.NoError(t, err)
	track, err := Add(b.Feed, c)
	require.NoError(t, err)
	seq := 0
	for i, v := range vops {
		for len(v) > 0 {
			n := min(len(v), 100)
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(seq), Timestamp: ticks[i], Marker: n == len(v)}, Payload: v[:n]}
			if seq != lost {
				require.NoError(t, track.Packet(p, b.Now))
			}
			v, seq = v[n:], seq+1
		}
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	track.Close()
	b.Feed.Close()
	return b
}

// VOPs are stored as they were sent, with the headers in the stream or only in the description; B-VOPs get decoding times.
func TestVOPsAreTakenFromPackets(t *testing.T) {
	const i, p, b = 0, 1, 2
	for _, inStream := range []bool{true, false} {
		config, headers := smallHeadersMPEG4, ""
		if inStream {
			config, headers = "", smallHeadersMPEG4
		}
		vops := [][]byte{vop(i, headers, 250), vop(p, "", 30), vop(b, "", 10), vop(p, "", 120), vop(b, "", 20), vop(i, headers, 200)}
		got := sendMPEG4(t, config, -1, []uint32{0, 7200, 3600, 14400, 10800, 18000}, vops...)
		units := got.Publisher.Units
		require.Len(t, units, len(vops))
		require.Len(t, got.Publisher.Sets, 1)
		require.Equal(t, [2]int{320, 180}, [2]int{got.Publisher.Sets[0][0].Width, got.Publisher.Sets[0][0].Height})
		for n, u := range units {
			require.Equal(t, [][]byte{vops[n]}, u.NALs)
			require.Equal(t, n == 0 || n == 5, u.AU.Sync)
			require.EqualValues(t, int64(n-1)*3600, u.AU.DTS-units[0].AU.PTS)
			require.EqualValues(t, []int64{0, 7200, 3600, 14400, 10800, 18000}[n], u.AU.PTS-units[0].AU.PTS)
		}
		require.Empty(t, got.Publisher.Losses)
	}
}

// A new size in the stream is a new description.
func TestAStreamOfMPEG4ChangesItsSize(t *testing.T) {
	got := sendMPEG4(t, "", -1, []uint32{0, 3600, 7200}, vop(0, headersMPEG4, 10), vop(1, "", 10), vop(0, smallHeadersMPEG4, 10))
	require.Len(t, got.Publisher.Sets, 2)
	require.Equal(t, []int{1280, 320}, []int{got.Publisher.Sets[0][0].Width, got.Publisher.Sets[1][0].Width})
}

// A VOP of which a packet is lost is left out and counted. Headers that cannot be read end nothing.
func TestADamagedStreamOfMPEG4(t *testing.T) {
	vops := [][]byte{vop(0, headersMPEG4, 250), vop(1, "", 250), vop(1, "", 250)}
	got := sendMPEG4(t, "not-hexadecimal", 4, []uint32{0, 3600, 7200}, vops...)
	require.Len(t, got.Publisher.Of(codec.MPEG4), 2)
	require.EqualValues(t, 1, got.Publisher.Losses[media.DropRTPLoss])

	short := headersMPEG4[:50]
	got = sendMPEG4(t, short, -1, []uint32{0, 3600}, vop(0, short, 20), vop(0, headersMPEG4, 20))
	require.Len(t, got.Publisher.Units, 1)
	require.NotZero(t, got.Publisher.Losses[media.DropUnreadableParameterSet])
}
