package e2e

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// One process takes publishers of every protocol at once, and records all of them. When it is killed, each file plays; after
// its next start each is finished.
func TestPublishersOfEveryProtocolAreRecordedAtOnce(t *testing.T) {
	t.Parallel()
	file := clip(t, "plain.mp4", append(lavfi(), "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "44100", "-shortest")...)
	source, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	rtmp, srt, ts := somePort(), srtAddress(t), freeUDP(t)
	config := fmt.Sprintf(`
ingest:
  rtmp: {listen: "127.0.0.1:%d"}
  srt: {listen: "%s"}
  mpegts: {inputs: [{path: live/ts, url: "udp://127.0.0.1:%d"}]}
pipelines:
  default: {streams: ["**"], record: always, stages: [{source: {}}, {gop_ring: {}}, {segmenter: {}}, {mp4: {}}, {metadata: {}}]}
`, rtmp, srt, ts)
	dir := t.TempDir()
	r := launch(t, racyBinary, dir, config)

	forever := []string{"-re", "-stream_loop", "-1", "-i", file, "-c", "copy"}
	var publishers []*publisher
	for _, to := range [][]string{
		{"-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp + "/live/rtsp"},
		{"-f", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/live/rtmp", rtmp)},
		{"-f", "mpegts", "srt://" + srt + "?streamid=publish:live/srt"},
		{"-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", ts)},
	} {
		publishers = append(publishers, publishBy(t, append(forever[:len(forever):len(forever)], to...)...))
	}
	browser := newWhipTrack(t, source.Track(rtsptest.H264))
	browser.connect(t, r.api+"/whip/live/whip", []pion.NetworkType{pion.NetworkTypeUDP4}, nil)
	browser.send(t, 40*time.Millisecond)

	streams := []string{"live/rtsp", "live/rtmp", "live/srt", "live/ts", "live/whip"}
	for _, stream := range streams {
		eventually(t, stream+" is recorded", func() bool { s := r.status(stream); return s.State == "recording" && s.AccessUnits > 50 })
	}
	_, connections := r.ask("GET", "/mp4/connections")
	for _, protocol := range []string{"rtsp", "rtmp", "srt", "mpegts", "webrtc"} {
		require.Contains(t, string(connections), `"protocol":"`+protocol+`"`)
	}
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	for _, p := range publishers {
		p.kill()
	}

	growing := r.names(".part")
	require.Len(t, growing, len(streams))
	for _, name := range growing {
		decodes(t, filepath.Join(r.files, name))
	}
	r = launch(t, racyBinary, dir, config)
	for _, stream := range streams {
		all := r.awaitRecords(stream, 1)
		require.Equal(t, "recovered", all[0].State, stream)
		decodes(t, r.path(all[0].File))
	}
	require.Empty(t, r.names(".part"))
}
