package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recorder pulls a stream of another one by WHEP, as the fallback of a source that is not there. Each picture comes.
func TestARecorderPullsByWHEP(t *testing.T) {
	t.Parallel()
	file := clip(t, "plain-long.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=12", "-c:v", "libx264", "-preset", "veryfast",
		"-bf", "0", "-g", "25", "-pix_fmt", "yuv420p")
	first := serve(t, "")
	publisher := publish(t, file, first.rtsp+"/live/a", "tcp", "-re")
	eventually(t, "the stream has media", func() bool { return first.stream("live/a").AccessUnits > 0 })
	from := strings.Replace(first.api, "http://", "whep://", 1) + "/whep/live/a"
	second := serve(t, "streams: {live/b: {pull: ['rtsp://127.0.0.1:9/none', '"+from+"']}}")
	second.expect("pull failed")
	second.start("live/b", "")
	second.awaitUnits("live/b", 100)
	second.stop("live/b")
	recorded := second.path(second.awaitRecords("live/b", 1)[0].File)
	m := same(t, recorded, file, "v")
	require.GreaterOrEqual(t, m.count, 100)
	decodes(t, recorded)
	require.Empty(t, second.stream("live/b").Drops)
	publisher.kill()
}
