package rtsp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// network is a socket that doubles each datagram, and adds one of another sender.
type network struct {
	paced
	stray *atomic.Int64
}

func (n network) WriteTo(b []byte, to net.Addr) (int, error) {
	size, err := n.paced.WriteTo(b, to)
	if len(b) < 20 || b[1]&0x7f >= 72 && b[1]&0x7f <= 95 { // RTCP, or a packet that opens a firewall
		return size, err
	}
	other := append([]byte(nil), b...)
	binary.BigEndian.PutUint16(other[2:], binary.BigEndian.Uint16(b[2:])+7777)
	other[4], other[8] = other[4]^0x55, other[8]^0xff
	n.stray.Add(1)
	for _, again := range [][]byte{b, other} {
		if _, err := n.UDPConn.WriteTo(again, to); err != nil {
			return 0, err
		}
	}
	return size, err
}

// TestAnotherSenderOnThePortOfAPublisherCostsNothing also sends packets twice.
func TestAnotherSenderOnThePortOfAPublisherCostsNothing(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)})
	file := clip(t, "h264", x264...)
	f := film(t, file, false)
	wait := r.record("two")
	udp, stray := gortsplib.ProtocolUDP, &atomic.Int64{}
	c := &gortsplib.Client{Protocol: &udp, DisableRTCPSenderReports: true, WriteQueueSize: 4096, ListenPacket: func(kind, address string) (net.PacketConn, error) {
		pc, err := net.ListenPacket(kind, address)
		if err != nil {
			return nil, err
		}
		return network{paced{pc.(*net.UDPConn)}, stray}, nil
	}}
	require.NoError(t, c.StartRecording("rtsp://"+addr+"/two", f.description()))
	v, a := f.reports()
	v.SSRC, a.SSRC = senderOf(c, &f.video), senderOf(c, &f.audio) // otherwise they would count as the other sender's
	for i, p := range f.packets {
		require.NoError(t, c.WritePacketRTP(p.media, p.pkt))
		if i == 0 {
			require.NoError(t, c.WritePacketRTCP(&f.video, v))
			require.NoError(t, c.WritePacketRTCP(&f.audio, a))
		}
	}
	eventually(t, "all units have come", func() bool { return r.info("two").AccessUnits == uint64(f.units) })
	c.Close()
	compare(t, file, codec.H264, wait(), 0)
	losses := r.losses("two")
	require.Equal(t, uint64(stray.Load()), losses[media.DropForeignSSRC])
	require.Len(t, losses, 1)
}

func senderOf(c *gortsplib.Client, m *description.Media) uint32 {
	for _, f := range c.Stats().Session.Medias[m].Formats {
		return f.LocalSSRC
	}
	return 0
}

// A packet gets its own number back, whatever packets arrived between. Strangers' packets take no memory, a
// publisher's of many payload types no more than a bound, and closed sessions none.
func TestNumbersComeBack(t *testing.T) {
	s := New(Config{}, nil, newFixture(t).log)
	c := newNumbering(nil, s.ports.has)
	from, other := netip.MustParseAddrPort("127.0.0.1:5000"), netip.MustParseAddrPort("127.0.0.1:6000")
	packet := func(seq uint16, kind byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0x80, kind}, seq), make([]byte, 10)...)
	}
	now := time.Now()
	number := func(own uint16, kind byte, from netip.AddrPort) (given uint16) {
		b := packet(own, kind)
		c.now = nil
		c.number(b, from, now)
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: binary.BigEndian.Uint16(b[2:])}}
		given = p.SequenceNumber
		c.restore(p)
		require.Equal(t, own, p.SequenceNumber)
		return given
	}
	require.EqualValues(t, 7, number(7, 96, from), "no publisher sends from there")
	require.Empty(t, c.flows)
	publisher, next := &session{}, &session{}
	s.ports.claim(publisher, from.Addr(), [2]int{5000, 5001})
	for i, own := range []uint16{65534, 3, 65535, 3, 40000} {
		for _, kind := range []byte{96, 97} {
			require.EqualValues(t, i, number(own, kind, from), "none is missing")
		}
	}
	s.ports.claim(next, other.Addr(), [2]int{6000, 6001})
	now = now.Add(time.Hour)
	number(9, 96, other)
	require.EqualValues(t, 5, number(40001, 96, from), "it was silent for an hour")
	for kind := range byte(2 * maxFlows) {
		number(7, kind, from)
		require.LessOrEqual(t, len(c.flows[from]), maxFlows)
	}
	s.ports.release(publisher)
	now = now.Add(time.Hour)
	number(9, 97, other)
	require.Len(t, c.flows, 1, "it has left")
	s.ports.claim(publisher, from.Addr(), [2]int{5000, 5001})
	for _, broken := range [][]byte{{0x80}, append([]byte{0xa0, 96, 0, 9}, make([]byte, 8)...), append([]byte{0xa0, 96, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0}, 200)} {
		c.now = nil
		c.number(broken, from, now)
		require.Nil(t, c.now, "gortsplib gets none of these packets")
	}
}

// TestAnOverlongDatagramDelaysNoOther sends a datagram that fills gortsplib's buffer: gortsplib drops it, and
// would wait for its number.
func TestAnOverlongDatagramDelaysNoOther(t *testing.T) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer pc.Close()
	c := newNumbering(pc, func(netip.AddrPort) bool { return true })
	b := make([]byte, 1473)
	for i, size := range []int{1472, 1473, 1600, 1472} {
		sent := append([]byte{0x80, 96, 7, byte(i)}, make([]byte, size-4)...)
		_, err := pc.WriteTo(sent, pc.LocalAddr())
		require.NoError(t, err)
		_, _, err = c.ReadFrom(b)
		require.NoError(t, err)
		require.Equal(t, size == 1472, c.now != nil)
	}
	require.EqualValues(t, 1, binary.BigEndian.Uint16(b[2:]))
}
