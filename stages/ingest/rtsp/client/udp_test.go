package client

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"
)

// datagrams holds a camera's two sending ports, and the datagrams that arrive there.
type datagrams struct {
	t    *testing.T
	from [2]*net.UDPConn
	came chan []byte // arrived at the second port
}

func newDatagrams(f *fake) *datagrams {
	d := &datagrams{t: f.t, came: make(chan []byte, 100)}
	for i := range d.from {
		pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(f.t, err)
		d.from[i] = pc
	}
	f.running.Go(func() {
		for {
			b := make([]byte, 2000)
			n, _, err := d.from[1].ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			d.came <- b[:n]
		}
	})
	f.t.Cleanup(func() { _, _ = d.from[0].Close(), d.from[1].Close() })
	return d
}

func (d *datagrams) ports() string {
	port := func(i int) string { return itoa(d.from[i].LocalAddr().(*net.UDPAddr).Port) }
	return port(0) + "-" + port(1)
}

func send(from *net.UDPConn, to int, text string) {
	_, _ = from.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(to)))
}

// overUDP makes a camera answer with its ports, as header changes them.
func (f *fake) overUDP(d *datagrams, header func() string) {
	f.on["SETUP"] = func(w *wireConn, r *ask) bool {
		w.setUp(r)
		return w.reply("200 OK", "Session: 1234;timeout=1", "Transport: "+header())
	}
}

// play sends packets of both tracks, one by one so that none is dropped, and then a goodbye.
func (d *datagrams) play(w *wireConn) {
	for seq := 1; seq <= 5; seq++ {
		for track := range 2 {
			send(d.from[0], w.ports[track][0], rtpPacket(track, seq))
		}
	}
	d.goodbye(w)
}

// goodbye ends a session: the client notices at its next tick.
func (d *datagrams) goodbye(w *wireConn) {
	for track := range 2 {
		send(d.from[1], w.ports[track][1], bye(track))
	}
}

func TestMediaOverUDP(t *testing.T) {
	t.Parallel()
	for name, quirk := range map[string]func(f *fake, d *datagrams){
		"a good camera": func(f *fake, d *datagrams) {
			f.overUDP(d, func() string { return "RTP/AVP;unicast;server_port=" + d.ports() })
		},
		"no ports are said":     func(f *fake, d *datagrams) { f.overUDP(d, func() string { return "RTP/AVP/UDP;unicast" }) },
		"no Transport":          func(f *fake, d *datagrams) { f.overUDP(d, func() string { return "" }) },
		"other ports than said": func(f *fake, d *datagrams) { f.overUDP(d, func() string { return "RTP/AVP;server_port=9-10" }) },
		"another source": func(f *fake, d *datagrams) {
			f.overUDP(d, func() string { return "RTP/AVP;source=10.9.8.7;server_port=" + d.ports() })
		},
		"strangers": func(f *fake, d *datagrams) {
			f.overUDP(d, func() string { return "RTP/AVP;unicast;server_port=" + d.ports() })
			f.media = func(w *wireConn) {
				for seq := 1; seq <= 5; seq++ {
					for track := range 2 {
						send(d.from[0], w.ports[track][0], rtpPacket(track, seq))
						strange(t, "127.0.0.2", w.ports[track][0], rtpPacket(track, 100+seq)) // another host
						strange(t, "127.0.0.1", w.ports[track][0], rtpPacket(track, 200+seq)) // another port
					}
				}
				d.goodbye(w)
			}
		},
		"it hangs up": func(f *fake, d *datagrams) {
			f.overUDP(d, func() string { return "RTP/AVP;unicast;server_port=" + d.ports() })
			back := make(chan struct{})
			f.on["GET_PARAMETER"] = func(w *wireConn, r *ask) bool {
				if r.conn == 2 && r.n == 1 && r.header["session"] == "1234" {
					close(back)
				}
				return false
			}
			f.media = func(w *wireConn) {
				_ = w.nc.Close()
				<-back // a keep-alive on another connection
				d.play(w)
			}
		},
		"reports are sent": func(f *fake, d *datagrams) {
			f.overUDP(d, func() string { return "RTP/AVP;unicast;server_port=" + d.ports() })
			f.media = func(w *wireConn) {
				for {
					for track := range 2 {
						send(d.from[0], w.ports[track][0], rtpPacket(track, 1))
					}
					p, err := rtcp.Unmarshal(<-d.came)
					if r, is := p[0].(*rtcp.ReceiverReport); err == nil && is && len(r.Reports) == 1 {
						break
					}
				}
				for seq := 2; seq <= 5; seq++ {
					for track := range 2 {
						send(d.from[0], w.ports[track][0], rtpPacket(track, seq))
					}
				}
				d.goodbye(w)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			d := newDatagrams(f)
			f.media = d.play
			quirk(f, d)
			got := play(t, context.Background(), Options{URL: f.url("/cam"), UDP: true})
			require.ErrorContains(t, got.err, "goodbye")
			for i := range got.seqs {
				require.Equal(t, seqs(1, 5), compact(got.seqs[i]))
			}
			for _, r := range f.asked("SETUP") {
				require.Regexp(t, `client_port=\d*[02468]-\d*[13579]$`, r.header["transport"])
			}
		})
	}
}

// strange sends a datagram from another socket.
func strange(t *testing.T, ip string, to int, text string) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Error(err)
		return
	}
	defer pc.Close()
	send(pc, to, text)
}

// compact leaves out repetitions.
func compact(s []int) (out []int) {
	for i, v := range s {
		if i == 0 || v != s[i-1] {
			out = append(out, v)
		}
	}
	return out
}

// TestMediaOverUDPThatStops checks that the session ends although the camera answers no more requests.
func TestMediaOverUDPThatStops(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := newDatagrams(f)
	f.overUDP(d, func() string { return "RTP/AVP;unicast;server_port=" + d.ports() })
	f.media = func(w *wireConn) {
		send(d.from[0], w.ports[0][0], rtpPacket(0, 1))
		_ = w.nc.Close()
		_ = f.ln.Close()
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam"), UDP: true, ReadTimeout: 8 * time.Second})
	require.ErrorContains(t, got.err, "nothing has come for 8s")
	require.Equal(t, []int{1}, got.seqs[0])
}
