package server

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// replayed is an access unit that a client of RTSP got.
type replayed struct {
	hash   [32]byte // of the picture, or frame of sound, in the form of shot
	stamp  uint32   // RTP time
	marked bool     // its first packet has the header extension
	utcNS  int64    // of the extension
	flags  string   // of the extension: some of CEDT
	cseq   byte     // of the extension
}

// replayClient plays by RTSP within its connection. Its tracks have the channels 0 and 2.
type replayClient struct {
	t       *testing.T
	c       net.Conn
	in      *bufio.Reader
	url     string
	session string
	cseq    int

	units    [2][]replayed
	now      [2]replayed // the unit that is being received
	parts    [2][]byte
	sequence [2]*uint16 // of the newest packet
	byes     int
}

// replay connects to the server. more follows the path of the stream's recordings in the URL.
func (d *day) replay(more string) *replayClient {
	d.t.Helper()
	addr := d.servers.All()[0].Address()
	c, err := net.Dial("tcp", addr)
	require.NoError(d.t, err)
	k := &replayClient{t: d.t, c: c, in: bufio.NewReader(c), url: "rtsp://" + addr + "/replay/" + d.path + more}
	d.t.Cleanup(func() { _ = c.Close() })
	return k
}

// ask sends a request, and returns the response. What comes before it is received.
func (k *replayClient) ask(method, url string, headers ...string) *base.Response {
	k.t.Helper()
	k.cseq++
	text := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, k.cseq)
	if k.session != "" {
		headers = append(headers, "Session: "+k.session)
	}
	_, err := fmt.Fprintf(k.c, "%s%s\r\n\r\n", text, strings.Join(headers, "\r\n"))
	require.NoError(k.t, err)
	for k.frame() {
	}
	var res base.Response
	require.NoError(k.t, res.Unmarshal(k.in))
	if s := res.Header["Session"]; len(s) > 0 {
		k.session, _, _ = strings.Cut(s[0], ";")
	}
	return &res
}

// asked is ask for a request that succeeds.
func (k *replayClient) asked(method, url string, headers ...string) *base.Response {
	k.t.Helper()
	res := k.ask(method, url, headers...)
	require.Equal(k.t, base.StatusOK, res.StatusCode, "%s: %s", method, res.StatusMessage)
	return res
}

// setUp sets up tracks.
func (k *replayClient) setUp(tracks ...int) *replayClient {
	k.t.Helper()
	for _, i := range tracks {
		k.asked("SETUP", fmt.Sprintf("%s/trackID=%d", k.url, i), fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1))
	}
	return k
}

// play sends PLAY with the requirements of ONVIF, and forgets what was received.
func (k *replayClient) play(headers ...string) *base.Response {
	k.t.Helper()
	k.forget()
	return k.asked("PLAY", k.url, append(headers, "Require: onvif-replay")...)
}

func (k *replayClient) forget() { k.units, k.byes = [2][]replayed{}, 0 }

// ended receives until n tracks have ended.
func (k *replayClient) ended(n int) {
	k.t.Helper()
	for k.byes < n {
		require.True(k.t, k.frame(), "a response that no request has")
	}
}

// received receives until there are n pictures.
func (k *replayClient) received(n int) {
	k.t.Helper()
	for len(k.units[0]) < n {
		require.True(k.t, k.frame(), "a response that no request has")
	}
}

// frame receives an interleaved frame. It returns false at a response.
func (k *replayClient) frame() bool {
	k.t.Helper()
	require.NoError(k.t, k.c.SetReadDeadline(time.Now().Add(time.Minute)))
	b, err := k.in.Peek(1)
	require.NoError(k.t, err)
	if b[0] != '$' {
		return false
	}
	var f base.InterleavedFrame
	require.NoError(k.t, f.Unmarshal(k.in))
	if f.Channel%2 != 0 {
		k.report(f.Payload)
		return true
	}
	var p rtp.Packet
	require.NoError(k.t, p.Unmarshal(f.Payload))
	require.LessOrEqual(k.t, len(f.Payload), 1400)
	k.packet(f.Channel/2, &p)
	return true
}

// report counts the BYE of a compound packet.
func (k *replayClient) report(b []byte) {
	for len(b) >= 4 {
		if b[1] == 203 {
			k.byes++
		}
		b = b[4*(1+int(binary.BigEndian.Uint16(b[2:]))):]
	}
}

func (k *replayClient) packet(track int, p *rtp.Packet) {
	k.t.Helper()
	if last := k.sequence[track]; last != nil {
		require.Equal(k.t, *last+1, p.SequenceNumber, "a packet is missing")
	}
	n := p.SequenceNumber
	k.sequence[track] = &n
	u := &k.now[track]
	if k.parts[track] == nil {
		*u = replayed{stamp: p.Timestamp}
		k.extension(u, p)
		k.parts[track] = []byte{}
	}
	require.Equal(k.t, u.stamp, p.Timestamp)
	if track == 0 {
		k.parts[0] = nalUnits(k.parts[0], p.Payload)
	} else {
		k.parts[1] = append(k.parts[1], p.Payload[4:]...)
	}
	if p.Marker {
		u.hash = sha256.Sum256(k.parts[track])
		k.units[track] = append(k.units[track], *u)
		k.parts[track] = nil
	}
}

// extension reads the header extension (ONVIF Streaming Specification, RTP header extension).
func (k *replayClient) extension(u *replayed, p *rtp.Packet) {
	k.t.Helper()
	if !p.Extension || p.ExtensionProfile != 0xabac {
		return
	}
	x := p.Header.GetExtension(0)
	require.Len(k.t, x, 12)
	u.marked = true
	seconds, fraction := int64(binary.BigEndian.Uint32(x))-2208988800, int64(binary.BigEndian.Uint32(x[4:]))
	u.utcNS = seconds*int64(time.Second) + fraction*int64(time.Second)>>32
	for i, name := range "CEDT" {
		if x[8]&(0x80>>i) != 0 {
			u.flags += string(name)
		}
	}
	require.Zero(k.t, x[8]&0x0f)
	require.Zero(k.t, binary.BigEndian.Uint16(x[10:]))
	u.cseq = x[9]
}

// nalUnits appends the NAL units of a packet of H.264 (RFC 6184) with their lengths, without parameter sets.
func nalUnits(b, payload []byte) []byte {
	const fuA = 28
	switch payload[0] & 0x1f {
	case 7, 8:
		return b
	case fuA:
		if payload[1]&0x80 != 0 {
			b = append(b, 0, 0, 0, 0, payload[0]&0xe0|payload[1]&0x1f)
		}
		b = append(b, payload[2:]...)
		if payload[1]&0x40 != 0 {
			lengthened(b)
		}
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// lengthened fills in the length of the last NAL unit, whose four bytes are 0.
func lengthened(b []byte) {
	at := 0
	for at < len(b) {
		n := int(binary.BigEndian.Uint32(b[at:]))
		if n == 0 {
			binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
			return
		}
		at += 4 + n
	}
}
