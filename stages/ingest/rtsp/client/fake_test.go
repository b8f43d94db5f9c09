package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
)

// TestMain lets many tests run at once: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "32")
	goleak.VerifyTestMain(m)
}

// deadline bounds events that must happen at all; it measures no speed.
const deadline = 60 * time.Second

const twoTracks = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=control:*\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n" +
	"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:track2\r\n"

// fake is a camera. Its deviations from a good one are in on, by method: a function that returns false leaves the
// answer to the good camera.
type fake struct {
	t     *testing.T
	ln    net.Listener
	on    map[string]func(w *wireConn, r *ask) bool
	media func(w *wireConn) // after PLAY
	sdp   string

	mu      sync.Mutex
	asks    []*ask
	conns   int
	open    []net.Conn
	running sync.WaitGroup
}

type ask struct {
	method, url string
	header      map[string]string
	n           int // of this method on this connection, from 1
	conn        int // from 1
}

// wireConn is one connection of a client.
type wireConn struct {
	*fake
	nc       net.Conn
	in       *bufio.Reader
	n        int
	count    map[string]int
	channels [2][2]int // of each track: RTP, RTCP
	ports    [2][2]int // of the client, over UDP
	setups   int
	cseq     string
	wmu      sync.Mutex
	answers  chan string // status lines to requests of its own
	gone     chan struct{}
}

func newFake(t *testing.T) *fake {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fake{t: t, ln: ln, on: map[string]func(*wireConn, *ask) bool{}, sdp: twoTracks}
	f.media = func(w *wireConn) { w.packets(1, 5); w.goodbye() }
	f.running.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

func (f *fake) close() {
	_ = f.ln.Close()
	f.mu.Lock()
	for _, nc := range f.open {
		_ = nc.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

func (f *fake) url(path string) *url.URL {
	u, err := url.Parse("rtsp://" + f.ln.Addr().String() + path)
	require.NoError(f.t, err)
	return u
}

func (f *fake) accept() {
	for {
		nc, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns++
		f.open = append(f.open, nc)
		w := &wireConn{fake: f, nc: nc, in: bufio.NewReader(nc), n: f.conns, count: map[string]int{}, answers: make(chan string, 16), gone: make(chan struct{})}
		f.mu.Unlock()
		f.running.Go(w.serve)
	}
}

func (w *wireConn) serve() {
	defer w.nc.Close()
	defer close(w.gone)
	for {
		b, err := w.in.Peek(1)
		if err != nil {
			return
		}
		if b[0] == '$' {
			h, _ := w.in.Peek(4)
			if len(h) < 4 {
				return
			}
			frame := make([]byte, 4+int(binary.BigEndian.Uint16(h[2:])))
			if _, err := io.ReadFull(w.in, frame); err != nil {
				return
			}
			w.note(&ask{method: "$", url: string(frame[4:]), header: map[string]string{"channel": strconv.Itoa(int(frame[1]))}})
			continue
		}
		r, status, err := w.read()
		if err != nil {
			return
		}
		if status != "" {
			w.answers <- status
			continue
		}
		w.count[r.method]++
		r.n, r.conn = w.count[r.method], w.n
		w.note(r)
		w.cseq = r.header["cseq"]
		if on := w.on[r.method]; on != nil && on(w, r) {
			continue
		}
		if w.good(r) {
			return
		}
	}
}

func (f *fake) note(r *ask) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asks = append(f.asks, r)
}

// asked returns the requests of a method, over all connections.
func (f *fake) asked(method string) (out []*ask) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.asks {
		if r.method == method {
			out = append(out, r)
		}
	}
	return out
}

func (w *wireConn) read() (*ask, string, error) {
	r := &ask{header: map[string]string{}}
	for i := 0; ; i++ {
		line, err := w.in.ReadString('\n')
		if err != nil {
			return nil, "", err
		}
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if i == 0 {
			r.method, r.url, _ = strings.Cut(strings.TrimSuffix(line, " RTSP/1.0"), " ")
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		r.header[strings.ToLower(key)] = value
	}
	if strings.HasPrefix(r.method, "RTSP/") {
		return nil, r.url, nil
	}
	return r, "", nil
}

// write sends bytes unchanged.
func (w *wireConn) write(text string) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	_, _ = io.WriteString(w.nc, text)
}

// reply answers the newest request.
func (w *wireConn) reply(status string, headers ...string) bool {
	w.write("RTSP/1.0 " + status + "\r\nCSeq: " + w.cseq + "\r\n" + lines(headers) + "\r\n")
	return true
}

func (w *wireConn) replyBody(body string, headers ...string) bool {
	w.write("RTSP/1.0 200 OK\r\nCSeq: " + w.cseq + "\r\n" + lines(headers) + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	return true
}

func lines(headers []string) (out string) {
	for _, h := range headers {
		out += h + "\r\n"
	}
	return out
}

// good answers as a good camera does, and returns true at the end.
func (w *wireConn) good(r *ask) (end bool) {
	switch r.method {
	case "OPTIONS":
		w.reply("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
	case "DESCRIBE":
		w.replyBody(w.sdp, "Content-Type: application/sdp")
	case "SETUP":
		w.reply("200 OK", "Session: 1234;timeout=60", "Transport: "+w.setUp(r))
	case "PLAY":
		w.reply("200 OK", "Session: 1234")
		w.running.Go(func() { w.media(w) })
	case "TEARDOWN":
		w.reply("200 OK")
		return true
	default:
		w.reply("200 OK", "Session: 1234")
	}
	return false
}

// setUp takes a requested transport, and returns the header of the answer.
func (w *wireConn) setUp(r *ask) string {
	track := 0
	if strings.HasSuffix(r.url, "track2") {
		track = 1
	}
	w.setups++
	said := r.header["transport"]
	if at := strings.Index(said, "interleaved="); at >= 0 {
		_, _ = fmt.Sscanf(said[at:], "interleaved=%d-%d", &w.channels[track][0], &w.channels[track][1])
	} else {
		at := strings.Index(said, "client_port=")
		_, _ = fmt.Sscanf(said[at:], "client_port=%d-%d", &w.ports[track][0], &w.ports[track][1])
		said += ";server_port=6970-6971"
	}
	return said
}

// rtpPacket returns a packet of a track, 0 or 1.
func rtpPacket(track, seq int) string {
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: uint8(96 + track), SequenceNumber: uint16(seq), Timestamp: uint32(seq * 100), SSRC: uint32(track + 1)}, Payload: []byte{1, byte(seq)}}
	b, _ := p.Marshal()
	return string(b)
}

func interleaved(channel int, payload string) string {
	return string([]byte{'$', byte(channel), byte(len(payload) >> 8), byte(len(payload))}) + payload
}

// packets sends packets of both tracks.
func (w *wireConn) packets(from, to int) {
	for seq := from; seq <= to; seq++ {
		for track := range 2 {
			w.write(interleaved(w.channels[track][0], rtpPacket(track, seq)))
		}
	}
}

func bye(track int) string {
	b, _ := (&rtcp.Goodbye{Sources: []uint32{uint32(track + 1)}}).Marshal()
	return string(b)
}

// goodbye ends both tracks, which ends the client's Run.
func (w *wireConn) goodbye() {
	for track := range 2 {
		w.write(interleaved(w.channels[track][1], bye(track)))
	}
}

// played is the result of a client's session.
type played struct {
	seqs      [2][]int
	reports   int
	malformed int
	other     int    // packets that are in no format
	early     uint64 // packets that were dropped before Run
	info      []Info
	failed    []error // of Setup
	err       error   // that ended it, or kept it from beginning
}

type recorder struct {
	mu sync.Mutex
	played
}

func (r *recorder) snapshot() played {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.played
	for i := range out.seqs {
		out.seqs[i] = slices.Clone(out.seqs[i])
	}
	return out
}

// play runs a session to its end.
func play(t *testing.T, ctx context.Context, o Options) played {
	t.Helper()
	r := &recorder{}
	r.run(t, ctx, o)
	return r.snapshot()
}

func (r *recorder) run(t *testing.T, ctx context.Context, o Options) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	o.Log, o.Go = log, tasks.Go
	o.Malformed = func() { r.mu.Lock(); r.malformed++; r.mu.Unlock() }
	o.DroppedEarly = func(packets uint64) { r.mu.Lock(); r.early += packets; r.mu.Unlock() }
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	o.ListenPacket = net.ListenPacket
	err := r.session(ctx, o)
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
	stop, done := context.WithTimeout(context.Background(), deadline)
	defer done()
	require.NoError(t, tasks.Stop(stop))
}

func (r *recorder) session(ctx context.Context, o Options) error {
	c, err := Dial(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	sdp, err := c.Describe()
	if err != nil {
		return err
	}
	d, err := describe(sdp)
	if err != nil {
		return err
	}
	up := 0
	for _, m := range d.Medias {
		if err := c.Setup(m); err != nil {
			if !CostsTrack(err) {
				return err
			}
			r.failed = append(r.failed, err)
			continue
		}
		up++
		r.listen(c, m)
	}
	if up == 0 {
		return r.failed[0]
	}
	if r.info, err = c.Play(); err != nil {
		return err
	}
	return c.Run()
}

func (r *recorder) listen(c *Client, m *description.Media) {
	track := int(m.Formats[0].PayloadType()) - 96
	c.OnPacketRTP(m, m.Formats[0], func(p *rtp.Packet) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seqs[track] = append(r.seqs[track], int(p.SequenceNumber))
	})
	c.OnPacketOther(m, func() { r.mu.Lock(); r.other++; r.mu.Unlock() })
	c.OnPacketRTCP(m, func(rtcp.Packet) { r.mu.Lock(); r.reports++; r.mu.Unlock() })
}

func describe(sdp []byte) (*description.Session, error) {
	var d description.Session
	s, err := sdpunmarshaler.Unmarshal(sdp)
	if err == nil {
		err = d.Unmarshal2(s)
	}
	return &d, err
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, deadline, 5*time.Millisecond, what)
}

func seqs(from, to int) (out []int) {
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}
