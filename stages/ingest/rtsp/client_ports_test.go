package rtsp

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// udpCamera publishes video from a pair of ports.
type udpCamera struct {
	*talk
	url   string
	ports [2]int
	rtp   net.PacketConn
	to    net.Addr
}

func clientPorts(a, b int) string {
	return fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d;mode=record", a, b)
}

// udpCameraAt binds a pair of ports; server is the server's RTP port.
func udpCameraAt(t *testing.T, addr, path string, server uint16, pair UDP) *udpCamera {
	t.Helper()
	pc, err := listenPaced("udp", loopback(pair.RTP))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	to, err := net.ResolveUDPAddr("udp", loopback(server))
	require.NoError(t, err)
	return &udpCamera{talk: dial(t, addr), url: "rtsp://" + addr + "/" + path, ports: [2]int{int(pair.RTP), int(pair.RTCP)}, rtp: pc, to: to}
}

// begin publishes, and returns the first answer that is no 200.
func (c *udpCamera) begin() string {
	c.t.Helper()
	if got := c.ask("ANNOUNCE", c.url); got != "200 OK" {
		return got
	}
	if got := c.ask("SETUP", c.url+"/streamid=0", clientPorts(c.ports[0], c.ports[1])); got != "200 OK" {
		return got
	}
	return c.ask("RECORD", c.url, "Session: "+c.session)
}

func (c *udpCamera) send(f *footage, packets []footagePacket) {
	c.t.Helper()
	for _, p := range packets {
		if p.media != &f.video {
			continue
		}
		b, err := p.pkt.Marshal()
		require.NoError(c.t, err)
		_, err = c.rtp.WriteTo(b, c.to)
		require.NoError(c.t, err)
	}
}

func TestAClientPortInUseIsNotTaken(t *testing.T) {
	r := newFixture(t)
	udp := freeUDPPair(t)
	_, addr := r.serve(Config{UDP: udp, ReadTimeout: deadline})
	f := film(t, clip(t, "h264", x264...), true)
	victim := udpCameraAt(t, addr, "victim", udp.RTP, freeUDPPair(t))
	p := victim.ports[0]
	wait := r.record("victim")
	require.Equal(t, "200 OK", victim.begin())
	half := len(f.packets) / 2
	victim.send(f, f.packets[:half])
	for name, tc := range map[string]struct {
		a, b int
		want string
	}{
		"the pair":         {p, p + 1, "461 Client Port %d Is Another Session's"},
		"its RTCP for RTP": {p + 1, p + 2, "461 Client Port %[2]d Is Another Session's"},
		"its RTP for RTCP": {p - 1, p, "461 Client Port %d Is Another Session's"},
	} {
		t.Run(name, func(t *testing.T) {
			thief := dial(t, addr)
			u := "rtsp://" + addr + "/thief"
			require.Equal(t, "200 OK", thief.ask("ANNOUNCE", u))
			require.Equal(t, fmt.Sprintf(strings.ReplaceAll(tc.want, "%d", "%[1]d"), p, p+1), thief.ask("SETUP", u+"/streamid=0", clientPorts(tc.a, tc.b)))
			require.NotEqual(t, "200 OK", thief.ask("RECORD", u, "Session: "+thief.session))
			require.NoError(t, thief.c.Close())
			eventually(t, "the thief is gone", func() bool { return r.info("thief").Path == "" })
		})
	}
	require.Contains(t, r.book.String(), "track refused")
	victim.send(f, f.packets[half:])
	eventually(t, "all has come", func() bool { return r.info("victim").AccessUnits >= 99 })
	require.Equal(t, "200 OK", victim.ask("TEARDOWN", victim.url, "Session: "+victim.session))
	got := wait()
	require.Len(t, got.units[codec.H264], 100)
	again := udpCameraAt(t, addr, "again", udp.RTP, freeUDPPair(t))
	again.ports = victim.ports
	require.Equal(t, "200 OK", again.begin(), "a port is free once its session has closed")
}

func TestClientPortsThatNoPacketComesFrom(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)})
	u := "rtsp://" + addr + "/x"
	for transport, want := range map[string]string{
		"client_port=0-1":         "400 Client Ports 0-1 Are Out Of Range",
		"client_port=0":           "400 Client Ports 0-1 Are Out Of Range",
		"client_port=65535":       "400 Client Ports 65535-65536 Are Out Of Range",
		"client_port=65536-65537": "400 Client Ports 65536-65537 Are Out Of Range",
		"client_port=70536-70537": "400 Client Ports 70536-70537 Are Out Of Range", // 5000-5001 in 16 bits
		"client_port=5001-5000":   "400 Client Ports 5001-5000 Are Not RTP's And RTCP's In Turn",
		"client_port=5000-5000":   "400 Client Ports 5000-5000 Are Not RTP's And RTCP's In Turn",
		"client_port=-1-0":        "400 Transport Or Track Does Not Fit What Was Announced",
		"client_port=5000-5001-5": "400 Transport Or Track Does Not Fit What Was Announced",
		"destination=192.0.2.1":   "400 Transport Or Track Does Not Fit What Was Announced",
	} {
		k := dial(t, addr)
		require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
		require.Equal(t, want, k.ask("SETUP", u+"/streamid=0", "Transport: RTP/AVP;unicast;"+transport+";mode=record"), transport)
		_ = k.c.Close()
		eventually(t, "the path is free", func() bool { return len(r.hub.List()) == 0 })
	}
	k := dial(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
	require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", "Transport: RTP/AVP/UDP;multicast;client_port=1-2;mode=record,RTP/AVP;unicast;client_port=65534-65535;mode=record"), "of several the one that is served")
}

// twoTracks is a description with two recordable tracks.
var twoTracks = announceSDP + strings.ReplaceAll(announceSDP[strings.Index(announceSDP, "m="):], "streamid=0", "streamid=1")

func TestTwoTracksDoNotShareAPortOrAChannel(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)})
	u := "rtsp://" + addr + "/x"
	tcp := func(channels string) string {
		return "Transport: RTP/AVP/TCP;unicast;interleaved=" + channels + ";mode=record"
	}
	for _, tc := range []struct{ first, second, want string }{
		{clientPorts(6000, 6001), clientPorts(6000, 6001), "461 Client Port 6000 Is Another Track's"},
		{clientPorts(6000, 6001), clientPorts(6001, 6002), "461 Client Port 6001 Is Another Track's"},
		{clientPorts(6000, 6001), clientPorts(6002, 6003), "200 OK"},
		{tcp("0-1"), tcp("0-1"), "400 Channels 0-1 Are Another Track's"},
		{tcp("0-1"), tcp("1-2"), "400 Channels 1-2 Are Another Track's"},
		{tcp("0-1"), tcp("300-301"), "400 Channels 300-301 Are Out Of Range"},
		{tcp("0-1"), tcp("255-256"), "400 Channels 255-256 Are Out Of Range"},
		{tcp("0-1"), tcp("3-2"), "400 Transport Or Track Does Not Fit What Was Announced"},
		{tcp("4-5"), tcp("2-3"), "200 OK"},
	} {
		k := dial(t, addr)
		k.sdp = twoTracks
		require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
		require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", tc.first))
		require.Equal(t, tc.want, k.ask("SETUP", u+"/streamid=1", tc.second), tc)
		_ = k.c.Close()
		eventually(t, "the path is free", func() bool { return len(r.hub.List()) == 0 })
	}
}

// The Transport header names the sender if the client sets it: another sender's packets, which arrive first here, do
// not belong to the track.
func TestTheSenderOfTheTransportHeaderIsTheTracks(t *testing.T) {
	r := newFixture(t)
	udp := freeUDPPair(t)
	_, addr := r.serve(Config{UDP: udp, ReadTimeout: deadline})
	f := film(t, clip(t, "h264", x264...), true)
	camera := udpCameraAt(t, addr, "live/x", udp.RTP, freeUDPPair(t))
	require.Equal(t, "200 OK", camera.ask("ANNOUNCE", camera.url))
	transport := strings.Replace(clientPorts(camera.ports[0], camera.ports[1]), ";mode", ";ssrc=0000BEEF;mode", 1)
	require.Equal(t, "200 OK", camera.ask("SETUP", camera.url+"/streamid=0", transport))
	require.Equal(t, "RECORD: 200 OK", camera.record(camera.url))
	first := *f.packets[0].pkt
	for n := range 3 {
		other := first
		other.SSRC, other.SequenceNumber = 0xdead, first.SequenceNumber-3+uint16(n)
		camera.send(f, []footagePacket{{&f.video, &other}})
	}
	for _, p := range f.packets {
		p.pkt.SSRC = 0xbeef
	}
	camera.send(f, f.packets)
	eventually(t, "all has come", func() bool { return r.info("live/x").AccessUnits >= 99 })
	require.Equal(t, map[string]uint64{"foreign_ssrc": 3}, r.losses("live/x"))
}

// A restarted camera sends from its old ports, before the server has noticed its absence; here under another path, so
// that only the ports end its old session.
func TestACameraComesBackToItsPorts(t *testing.T) {
	r := newFixture(t)
	udp := freeUDPPair(t)
	_, addr := r.serve(Config{UDP: udp, ReadTimeout: 10 * deadline})
	f := film(t, clip(t, "h264", x264...), true)
	camera := udpCameraAt(t, addr, "live/x", udp.RTP, freeUDPPair(t))
	require.Equal(t, "200 OK", camera.begin())
	camera.send(f, f.packets[:10])
	require.NoError(t, camera.c.Close())
	camera.url = "rtsp://" + addr + "/live/new"
	eventually(t, "it is let in", func() bool {
		camera.talk = dial(t, addr)
		got := camera.begin()
		_ = got == "200 OK" || camera.c.Close() == nil
		return got == "200 OK"
	})
	other := udpCameraAt(t, addr, "live/y", udp.RTP, freeUDPPair(t))
	other.ports = camera.ports
	require.Equal(t, fmt.Sprintf("461 Client Port %d Is Another Session's", camera.ports[0]), other.begin(), "while it sends")
}

func TestASessionIsItsConnections(t *testing.T) {
	r := newFixture(t)
	udp := freeUDPPair(t)
	_, addr := r.serve(Config{UDP: udp, ReadTimeout: deadline})
	f := film(t, clip(t, "h264", x264...), true)
	camera := udpCameraAt(t, addr, "live/x", udp.RTP, freeUDPPair(t))
	require.Equal(t, "200 OK", camera.begin())
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		for method, want := range map[string]string{
			"TEARDOWN": "454 Session Not Found", "RECORD": "454 Session Not Found", "GET_PARAMETER": "454 Session Not Found",
			"OPTIONS": "454 Session Not Found", "SETUP": "400 Transport Or Track Does Not Fit What Was Announced", "ANNOUNCE": "403 Stream Has A Publisher Already",
		} {
			url := camera.url
			if method == "SETUP" {
				url += "/streamid=0"
			}
			require.Equal(t, want, from(t, host, addr).ask(method, url, "Session: "+camera.session, clientPorts(7000, 7001)), "%s from %s", method, host)
		}
	}
	camera.send(f, f.packets)
	eventually(t, "it is recorded on", func() bool { return r.info("live/x").AccessUnits >= 99 })
	require.Equal(t, "200 OK", camera.ask("TEARDOWN", camera.url, "Session: "+camera.session+";timeout=55"), "as some send it")
}
