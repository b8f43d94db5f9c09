package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A transport stream names the tracks that MPEG-TS cannot hold, and an export does so in its manifest. Without any track that it can hold, both
// are refused.
func TestATransportStreamNamesWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "")
	file := clip(t, "mulaw.mov", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=3", "-f", "lavfi", "-i", "sine=duration=3:sample_rate=8000",
		"-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "pcm_mulaw")
	begin := time.Now().Add(-time.Second)
	r.start("live/mulaw", "?wait=true")
	publish(t, file, r.rtsp+"/live/mulaw", "tcp", "-re").finish()
	r.stop("live/mulaw")
	recs := r.awaitRecords("live/mulaw", 1)
	end := recs[0].End.Add(time.Millisecond)
	eventually(t, "the span is over", func() bool { return time.Now().After(end) })
	query := "?" + url.Values{"start": {begin.Format(time.RFC3339Nano)}, "end": {end.Format(time.RFC3339Nano)}, "format": {"ts"}}.Encode()

	for _, method := range []string{"GET", "HEAD"} {
		resp, body := r.send(method, "/mp4/play/live/mulaw"+query, "")
		require.Equal(t, http.StatusOK, resp.StatusCode, body)
		require.Equal(t, "video/mp2t", resp.Header.Get("Content-Type"))
		require.Regexp(t, `^audio \S+$`, resp.Header.Get("Spool-Left-Out"))
		if method == "HEAD" {
			require.Empty(t, body)
			continue
		}
		name := filepath.Join(t.TempDir(), "a.ts")
		require.NoError(t, os.WriteFile(name, []byte(body), 0o600))
		require.NotContains(t, tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", name), "audio")
		require.Equal(t, 75, frames(t, name))
	}
	resp, body := r.send("GET", "/mp4/play/live/mulaw"+query+"&track=video", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Empty(t, resp.Header.Values("Spool-Left-Out"), "what was not asked for is not left out")
	require.NotEmpty(t, body)
	resp, body = r.send("GET", "/mp4/play/live/mulaw"+query+"&track=audio", "")
	require.Equal(t, http.StatusBadRequest, resp.StatusCode, body)
	require.Regexp(t, `MPEG-TS can hold none of the tracks: audio \S+: ask for format=mp4`, body)

	done := r.exportIs(r.export(span(`"live/mulaw"`, begin, end, `, "format": "ts", "name": "x"`)), "finished")
	require.Equal(t, "x.ts", done.Export.Files[0].Name)
	_, text := r.ask("GET", done.Export.Files[1].URL)
	var manifest struct {
		Files []struct {
			LeftOut string `json:"left_out"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	require.Regexp(t, `^audio \S+$`, manifest.Files[0].LeftOut)
}
