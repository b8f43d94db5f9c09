package rtp_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/egress/rtp"
)

// The first packet of a unit has the header extension of ONVIF, and no packet is longer for it.
func TestAMark(t *testing.T) {
	w := newWire(t, pipelinetest.AVC(640, 360))
	at := time.Date(2026, 11, 29, 10, 15, 0, 250_000_000, time.UTC).UnixNano()
	for size := rtp.MaxPacketBytes - 40; size < rtp.MaxPacketBytes; size++ {
		w.sender.Mark(rtp.Mark{UTC: at, Sync: true, Jumps: true, CSeq: 0xa5})
		payload := nal([]byte{0x65}, size)
		packets, _ := w.send(int64(size)*3600, at, true, payload)
		x := packets[0].Header.GetExtension(0)
		require.Equal(t, uint16(0xabac), packets[0].ExtensionProfile)
		require.Equal(t, uint32(at/int64(time.Second)+2_208_988_800), binary.BigEndian.Uint32(x))
		require.Equal(t, uint32(1<<30), binary.BigEndian.Uint32(x[4:]))
		require.Equal(t, []byte{0xa0, 0xa5, 0, 0}, x[8:])
		require.False(t, slices.ContainsFunc(packets[1:], func(p *pion.Packet) bool { return p.Extension }))
		for _, p := range packets {
			require.LessOrEqual(t, p.MarshalSize(), rtp.MaxPacketBytes)
		}
	}
	packets, _ := w.send(1e8, at, false, nal([]byte{0x41}, 10))
	require.False(t, packets[0].Extension, "a mark is that of one unit")
}

func TestUnitsThatNoOtherNeeds(t *testing.T) {
	avc, sound, h265 := pipelinetest.AVC(640, 360), pipelinetest.AAC(), hevc()
	unit := func(nals ...[]byte) (b []byte) {
		for _, n := range nals {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
		}
		return b
	}
	require.True(t, rtp.Disposable(&avc, unit([]byte{0x06, 1}, []byte{0x01, 1})), "information for the decoder, and a picture without reference")
	require.False(t, rtp.Disposable(&avc, unit([]byte{0x06, 1}, []byte{0x41, 1})))
	require.False(t, rtp.Disposable(&avc, unit([]byte{0x65, 1})))
	require.True(t, rtp.Disposable(&h265, unit([]byte{0x00, 1})))
	require.False(t, rtp.Disposable(&h265, unit([]byte{0x02, 1})))
	require.False(t, rtp.Disposable(&h265, unit([]byte{0x26, 1})))
	require.False(t, rtp.Disposable(&sound, []byte{0, 0, 0, 1, 1}))
	for _, damaged := range [][]byte{nil, {0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff, 0x06}} {
		require.False(t, rtp.Disposable(&avc, damaged))
	}
}
