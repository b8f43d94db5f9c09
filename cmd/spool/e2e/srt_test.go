package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// srtAddress returns an address whose UDP port nothing uses at the moment.
func srtAddress(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().String()
}

// srtClip returns a file with pictures in another order than that of their times, and sound.
func srtClip(t *testing.T) (file string, source *rtsptest.Clip) {
	t.Helper()
	file = clip(t, "srt.mp4", append(lavfi(), "-f", "lavfi", "-i", "sine=frequency=500:sample_rate=48000", "-t", "10", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac")...)
	source, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	return file, source
}

// publishSRT publishes a file by a URL.
func publishSRT(t *testing.T, file, to string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", file, "-map", "0", "-c", "copy", "-f", "mpegts", to).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// requireWhole fails unless the recording of a stream has each access unit of a clip, at its time: of each track, and between
// the tracks.
func (r *recorder) requireWhole(t *testing.T, stream string, source *rtsptest.Clip) {
	t.Helper()
	records := r.awaitRecords(stream, 1)
	require.Len(t, records, 1)
	got, err := rtsptest.ReadFile(r.path(records[0].File))
	require.NoError(t, err)
	var apart []time.Duration // between the first units of both tracks: as sent, as recorded
	for _, c := range []*rtsptest.Clip{source, got} {
		video, sound := c.Track(rtsptest.H264), c.Track(rtsptest.AAC)
		require.NotNil(t, video)
		require.NotNil(t, sound)
		apart = append(apart, time.Duration(video.Units[0].PTS)*time.Second/time.Duration(video.ClockHz)-time.Duration(sound.Units[0].PTS)*time.Second/time.Duration(sound.ClockHz))
	}
	for _, codec := range []string{rtsptest.H264, rtsptest.AAC} {
		m, err := source.Track(codec).Match(got.Track(codec))
		require.NoError(t, err)
		require.Zero(t, m.From, codec)
		require.Empty(t, m.Missing, codec)
		require.Equal(t, len(source.Track(codec).Units), m.Count, codec)
		require.LessOrEqual(t, m.Worst, time.Millisecond, codec)
	}
	require.InDelta(t, apart[0], apart[1], float64(time.Millisecond), "%v", apart)
}

// ffmpeg publishes, with a passphrase too: all is recorded, at its time.
func TestAnEncoderPublishesBySRT(t *testing.T) {
	t.Parallel()
	file, source := srtClip(t)
	address := srtAddress(t)
	r := serve(t, "ingest: {srt: {listen: '"+address+"', passphrases: {live/secret: c4n4ry4c4n4ry}}}")
	require.Contains(t, fmt.Sprint(r.find("spool is ready")), "srt://"+address+"?streamid=publish:live/NAME")
	for stream, options := range map[string]string{
		"live/plain": "streamid=publish:live/plain", "live/secret": "streamid=#!::r=live/secret,m=publish&passphrase=c4n4ry4c4n4ry&pbkeylen=32",
	} {
		t.Run(strings.ReplaceAll(stream, "/", "_"), func(t *testing.T) {
			r.start(stream, "?wait=true")
			publishSRT(t, file, "srt://"+address+"?"+options+"&linger=5")
			r.await("publisher left", "stream", stream)
			r.stop(stream)
			require.Empty(t, r.stream(stream).Drops)
			r.requireWhole(t, stream, source)
		})
	}
	require.NotContains(t, fmt.Sprint(r.book.lines()), "c4n4ry")
}

// Of an encoder whose datagrams and those to it get lost, overtake each other and arrive late, nothing is lost. The latency
// has room for a slow machine, which is a part of the network here; on a quiet one the default is enough.
func TestAnEncoderOnARoughNetworkPublishesBySRT(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	file, source := srtClip(t)
	address := srtAddress(t)
	r := serve(t, "", "--set", "ingest/srt/listen="+address, "--set", "ingest/srt/latency=8s")
	const stream = "live/rough"
	r.start(stream, "?wait=true")
	network := &roughNetwork{loss: 0.05, jitter: 30 * time.Millisecond, random: rand.New(rand.NewPCG(seed, 0))}
	publishSRT(t, file, fmt.Sprintf("srt://%s?streamid=publish:%s&linger=5", roughRelay(t, network, address), url.QueryEscape(stream)))
	r.await("publisher left", "stream", stream)
	r.stop(stream)
	network.mu.Lock()
	t.Logf("%d of %d datagrams lost", network.lost, network.sent)
	require.Positive(t, network.lost)
	network.mu.Unlock()
	require.Empty(t, r.stream(stream).Drops)
	r.requireWhole(t, stream, source)
}

// A pull waits for an encoder, another calls one, and a third runs a command.
func TestPullsBySRTAndByCommand(t *testing.T) {
	t.Parallel()
	file, source := srtClip(t)
	calls, waits := srtAddress(t), srtAddress(t)
	script := filepath.Join(t.TempDir(), "camera.sh") // the second run writes nothing
	require.NoError(t, os.WriteFile(script, []byte("test -e ran && exec sleep 1000\ntouch ran\nexec ffmpeg -nostdin -v error -re -i '"+file+"' -map 0 -c copy -f mpegts -\n"), 0o600))
	r := serve(t, fmt.Sprintf(`
streams:
  live/calls: {pull: "srt://%s?passphrase=c4n4ry4c4n4ry&latency=2000"}
  live/waits: {pull: "srt://%s?mode=listener"}
  live/command: {pull: "exec:sh '%s'"}
`, calls, waits, script))
	r.expect("pull failed")
	for stream, publish := range map[string]func(){
		"live/calls":   func() { publishSRT(t, file, "srt://"+calls+"?mode=listener&passphrase=c4n4ry4c4n4ry&linger=5") },
		"live/waits":   func() { publishSRT(t, file, "srt://"+waits+"?linger=5") },
		"live/command": func() {},
	} {
		t.Run(strings.ReplaceAll(stream, "/", "_"), func(t *testing.T) {
			r.start(stream, "")
			publish()
			r.awaitRecords(stream, 1)
			r.stop(stream)
			r.requireWhole(t, stream, source)
		})
	}
	require.NotContains(t, fmt.Sprint(r.book.lines()), "c4n4ry")
}
