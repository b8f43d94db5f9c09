package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// roughNetwork loses datagrams of a sender, and delays the others, so that some overtake others.
type roughNetwork struct {
	loss   float64
	jitter time.Duration

	mu         sync.Mutex // guards the fields below
	random     *rand.Rand
	sent, lost int
}

// firstDatagrams are not lost: a receiver cannot know what came before the first packet, such as a NAL unit of the first picture.
const firstDatagrams = 20

// roughConn is a socket of a sender on such a network.
type roughConn struct {
	*net.UDPConn
	network *roughNetwork
}

func (n *roughNetwork) listen(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return &roughConn{pc.(*net.UDPConn), n}, nil
}

// WriteTo loses a datagram, or sends it later.
func (c *roughConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n := c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	if n.sent > firstDatagrams && n.random.Float64() < n.loss {
		n.lost++
		return len(b), nil
	}
	if n.jitter == 0 {
		return c.UDPConn.WriteTo(b, to)
	}
	later := append([]byte(nil), b...)
	time.AfterFunc(time.Duration(n.random.Int64N(int64(n.jitter))), func() { _, _ = c.UDPConn.WriteTo(later, to) })
	return len(b), nil
}

// Of a publisher whose datagrams get lost, overtake each other and arrive late, each whole picture is recorded in its order, the
// file can be played, and what is missing is counted.
func TestAPublisherOnARoughNetwork(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	file := clip(t, "rough.mp4", append(lavfi(), "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-an")...)
	source, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	pictures := &source.Tracks[0]
	f := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: pictures.Sets[0], PPS: pictures.Sets[1]}
	coder, err := f.CreateEncoder()
	require.NoError(t, err)
	network := &roughNetwork{loss: 0.05, jitter: 30 * time.Millisecond, random: rand.New(rand.NewPCG(seed, 0))}
	track := libraryTrack{kind: description.MediaTypeVideo, format: f, ticks: 3600, network: network}
	for _, u := range pictures.Units {
		packets, err := coder.Encode(u.NALs)
		require.NoError(t, err)
		track.packets = append(track.packets, packets)
	}
	udp := udpPair(t)
	r := serve(t, "", "--set", fmt.Sprintf("ingest/rtsp/udp={rtp: %d, rtcp: %d}", udp, udp+1))
	r.expect("media is missing", "is missing", "lost", "gap")
	const stream = "live/rough"
	r.start(stream, "?wait=true")
	track.publish(t, r.rtsp+"/"+stream).finish()
	drops := r.stream(stream).Drops
	r.stop(stream)
	missing, last := 0, -1
	for _, rec := range r.awaitRecords(stream, 1) {
		got, err := rtsptest.ReadFile(r.path(rec.File))
		require.NoError(t, err)
		m, err := pictures.Match(&got.Tracks[0])
		require.NoError(t, err, "a picture that was not sent")
		require.Greater(t, m.From, last)
		missing, last = missing+len(m.Missing)+m.From-last-1, m.From+m.Count+len(m.Missing)-1
		_, complaint, err := run(t, "ffmpeg", "-v", "fatal", "-i", r.path(rec.File), "-f", "null", "-")
		require.NoError(t, err, complaint)
	}
	network.mu.Lock()
	defer network.mu.Unlock()
	require.Positive(t, network.lost)
	require.Positive(t, missing)
	counted := 0
	for _, d := range drops {
		counted += int(d.AccessUnits)
	}
	require.LessOrEqual(t, missing, counted, "drops: %v", drops)
	t.Logf("%d of %d datagrams were lost, and %d of %d pictures; counted: %v", network.lost, network.sent, missing, len(pictures.Units), drops)
}
