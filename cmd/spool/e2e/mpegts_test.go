package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// freeUDP returns a free UDP port of this machine.
func freeUDP(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// serveTransportStreams starts a recorder of everything, with an input of a scheme for the path live/a.
func serveTransportStreams(t *testing.T, scheme string) (r *recorder, port int) {
	t.Helper()
	port = freeUDP(t)
	return serve(t, fmt.Sprintf(`
ingest:
  mpegts: {read_timeout: 3s, inputs: [{path: live/a, url: "%s://127.0.0.1:%d"}]}
pipelines:
  default: {streams: ["**"], record: always, stages: [{source: {}}, {gop_ring: {}}, {segmenter: {}}, {mp4: {}}, {metadata: {}}]}
`, scheme, port)), port
}

// sourceClip makes a file of six seconds with pictures in B-frames and sound, and returns its name and content.
func sourceClip(t *testing.T) (name string, clip *rtsptest.Clip) {
	t.Helper()
	name = t.TempDir() + "/source.mp4"
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=6",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=6", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
		"-c:a", "aac", name).CombinedOutput()
	require.NoError(t, err, "%s", out)
	clip, err = rtsptest.ReadFile(name)
	require.NoError(t, err)
	return name, clip
}

// What ffmpeg and GStreamer send is recorded byte for byte: each picture and each frame of sound, with its time to the
// millisecond.
func TestTransportStreamsOfEncoders(t *testing.T) {
	for name, c := range map[string]struct {
		scheme  string
		command func(source string, port int) []string
	}{
		"ffmpeg, packets across datagrams": {"udp", func(source string, port int) []string {
			return []string{"ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d", port)}
		}},
		"ffmpeg, plain": {"udp", func(source string, port int) []string {
			return []string{"ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", port)}
		}},
		"ffmpeg, RTP": {"rtp", func(source string, port int) []string {
			return []string{"ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "rtp_mpegts", fmt.Sprintf("rtp://127.0.0.1:%d", port)}
		}},
		"GStreamer": {"udp", func(source string, port int) []string {
			return strings.Fields(fmt.Sprintf("gst-launch-1.0 -q filesrc location=%s ! qtdemux name=d d.video_0 ! queue ! h264parse config-interval=-1 ! m. d.audio_0 ! queue ! aacparse ! m. mpegtsmux alignment=7 name=m ! udpsink host=127.0.0.1 port=%d sync=true", source, port))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, clip := sourceClip(t)
			r, port := serveTransportStreams(t, c.scheme)
			command := c.command(source, port)
			out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			records := r.awaitRecords("live/a", 1)
			require.Len(t, clip.Tracks, 2)
			requireCopy(t, clip, r.path(records[0].File))
			require.Empty(t, r.stream("live/a").Drops)
		})
	}
}

// Of datagrams that get lost, overtake each other and come late, the whole units are recorded, and the losses are counted.
func TestTransportStreamsOnARoughNetwork(t *testing.T) {
	for name, format := range map[string]string{"udp": "mpegts", "rtp": "rtp_mpegts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			source, clip := sourceClip(t)
			r, port := serveTransportStreams(t, name)
			r.expect("is missing", "are missing", "lost", "gap")
			network := &roughNetwork{loss: 0.05, random: rand.New(rand.NewPCG(seed, 0))}
			if name == "rtp" { // plain datagrams have no numbers by which they could be reordered
				network.jitter = 30 * time.Millisecond
			}
			relay := roughRelay(t, network, fmt.Sprintf("127.0.0.1:%d", port))
			out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", format, fmt.Sprintf("%s://%s?pkt_size=1316", name, relay)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			missing := 0
			for _, rec := range r.awaitRecords("live/a", 1) {
				got, err := rtsptest.ReadFile(r.path(rec.File))
				require.NoError(t, err)
				for i := range got.Tracks {
					m, err := clip.Tracks[i].Match(&got.Tracks[i])
					require.NoError(t, err, "a unit that was not sent")
					require.LessOrEqual(t, m.Worst, time.Millisecond, "track %d", i)
					missing += len(m.Missing)
				}
				_, complaint, err := run(t, "ffmpeg", "-v", "fatal", "-i", r.path(rec.File), "-f", "null", "-")
				require.NoError(t, err, complaint)
			}
			network.mu.Lock()
			defer network.mu.Unlock()
			require.Positive(t, network.lost)
			require.Positive(t, missing)
			t.Logf("%d of %d datagrams were lost, %d units", network.lost, network.sent, missing)
		})
	}
}
