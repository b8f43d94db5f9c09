package webrtc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/clients"
)

// sockets are the UDP and the TCP port at which the media of all clients comes and goes.
type sockets struct {
	udp    net.PacketConn
	tcp    net.Listener
	udpMux *ice.UDPMuxDefault
	tcpMux *ice.TCPMuxDefault
}

const (
	socketBufferBytes = 2 << 20 // that the system is asked for
	tcpReadPackets    = 64      // packets of one client that wait to be read
	tcpWriteBytes     = 1 << 20 // of one client that wait to be sent; more is dropped, as a network does
	tcpFirstCheck     = 5 * time.Second
	portTries         = 16
)

// listen binds a UDP port, and the TCP port with the same number. Port 0 stands for any pair of free ports.
func (s *Server) listen() (*sockets, error) {
	var err error
	for range portTries {
		var out *sockets
		if out, err = s.bind(); err == nil {
			return out, nil
		}
		if _, port, _ := net.SplitHostPort(s.Listen); port != "0" {
			break
		}
	}
	return nil, config.NewListenFault("ingest.webrtc.listen", s.Listen, err)
}

func (s *Server) bind() (*sockets, error) {
	udp, err := net.ListenPacket("udp", s.Listen)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(s.Listen)
	port := udp.LocalAddr().(*net.UDPAddr).Port
	tcp, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	if u, is := udp.(*net.UDPConn); is { // the system's default holds less than a large key frame
		_, _ = u.SetReadBuffer(socketBufferBytes), u.SetWriteBuffer(socketBufferBytes)
	}
	log := pionLog{s.strangers}
	return &sockets{
		udp: udp, tcp: tcp,
		udpMux: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp, Logger: log.NewLogger("udp")}),
		tcpMux: ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: bounded(clients.NewListener(tcp, s.Log, s.Clock)), Logger: log.NewLogger("tcp"), ReadBufferSize: tcpReadPackets, WriteBufferSize: tcpWriteBytes,
			FirstStunBindTimeout: tcpFirstCheck, AliveDurationForConnFromStun: tcpFirstCheck,
		}),
	}, nil
}

func (k *sockets) close() error {
	return errors.Join(k.tcpMux.Close(), k.udpMux.Close(), ignoreClosed(k.udp.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// The timeouts of ICE. A client that vanishes without a word is gone after the sum.
const (
	iceDisconnected = 5 * time.Second
	iceFailed       = 5 * time.Second
	iceKeepalive    = 2 * time.Second
)

// packetReplayWindow is how far behind the newest packet a retransmitted one may be.
const packetReplayWindow = 2048

// engine returns the settings of all peers.
func (s *Server) engine(k *sockets) (e pion.SettingEngine, err error) {
	e.LoggerFactory = pionLog{s.strangers}
	e.SetLite(true)
	e.SetICEUDPMux(k.udpMux)
	e.SetICETCPMux(k.tcpMux)
	e.DisableActiveTCP(true)
	e.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4, pion.NetworkTypeUDP6, pion.NetworkTypeTCP4, pion.NetworkTypeTCP6})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	e.SetSRTPReplayProtectionWindow(packetReplayWindow)
	e.DisableMediaEngineCopy(true) // each peer has one of its own
	host, _, _ := net.SplitHostPort(s.Listen)
	e.SetIncludeLoopbackCandidate(config.Loopback(host))
	if len(s.Advertise) > 0 {
		err = e.SetICEAddressRewriteRules(pion.ICEAddressRewriteRule{External: s.Advertise, AsCandidateType: pion.ICECandidateTypeHost, Mode: pion.ICEAddressRewriteAppend})
	}
	return e, err
}

// addressOf returns the address of an HTTP client.
func addressOf(remote string) (net.Addr, error) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return nil, fmt.Errorf("the client has no address: %w", err)
	}
	return net.TCPAddrFromAddrPort(at), nil
}
