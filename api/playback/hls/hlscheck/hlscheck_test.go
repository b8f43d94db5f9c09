package hlscheck

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const master = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-STREAM-INF:BANDWIDTH=100,AVERAGE-BANDWIDTH=50,CODECS="avc1.640028",RESOLUTION=320x180
media.m3u8
`

// list has only gaps: its media is not fetched.
const list = `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-START:TIME-OFFSET=1.5,PRECISE=YES
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-03-04T05:06:07.000Z
#EXT-X-GAP
#EXTINF:4.2,
#EXT-X-BYTERANGE:100@20
a.mp4
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-04T05:07:07.000Z
#EXT-X-GAP
#EXTINF:3.9,
#EXT-X-BYTERANGE:100@120
a.mp4
#EXT-X-ENDLIST
`

func faults(t *testing.T, master, list string) []string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		text := list
		if r.URL.Path == "/index.m3u8" {
			text = master
		}
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	p, err := Check(context.Background(), http.DefaultClient, server.URL+"/index.m3u8")
	if err != nil { // the list refers to no real media
		return append(p.Faults, err.Error())
	}
	return p.Faults
}

func TestEachViolationIsFound(t *testing.T) {
	require.Empty(t, faults(t, master, list))
	for _, c := range []struct{ old, new, says string }{
		{"#EXTM3U\n", "", "the first line"},
		{"#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST", "cut"},
		{"#EXT-X-ENDLIST\n", "", "cannot change"},
		{"#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST\n#EXT-X-ENDLIST\n", "again"},
		{"#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST:YES\n", "invalid"},
		{"#EXT-X-VERSION:8", "#EXT-X-VERSION:7", "need 8"},
		{"#EXT-X-VERSION:8\n", "", "need 8"},
		{"#EXT-X-TARGETDURATION:4\n", "", "is needed"},
		{"#EXT-X-TARGETDURATION:4\n", "#EXT-X-TARGETDURATION:4.5\n", "invalid"},
		{"#EXTINF:4.2,", "#EXTINF:4.6,", "longer than"},
		{"#EXTINF:4.2,", "#EXTINF:0,", "EXTINF is 0"},
		{"#EXTINF:4.2,\n", "", "no EXTINF"},
		{"#EXTINF:4.2,", "#EXTINF:4.2", "invalid"},
		{"#EXT-X-ENDLIST", "#EXTINF:4,\n#EXT-X-ENDLIST", "no segment"},
		{"#EXTINF:4.2,\n#EXT-X-BYTERANGE:100@20", "#EXTINF:4.2,\n#EXT-X-BYTERANGE:100", "without an offset"},
		{"#EXT-X-BYTERANGE:100@20", "#EXT-X-BYTERANGE:0@20", "empty"},
		{"#EXT-X-MAP:URI=\"init.mp4\"\n", "", "needs EXT-X-MAP"},
		{"#EXT-X-MAP:URI=\"init.mp4\"", "#EXT-X-MAP:URI=init.mp4", "quoted"},
		{"#EXT-X-MAP:URI=\"init.mp4\"", "#EXT-X-MAP:URI=\"init.mp4", "closing quote"},
		{"2026-03-04T05:07:07.000Z", "2026-03-04T05:06:06.000Z", "before the begin"},
		{"2026-03-04T05:07:07.000Z", "2026-03-04 05:06:09", "invalid"},
		{"#EXT-X-DISCONTINUITY\n", "", "without a discontinuity"},
		{"#EXT-X-PROGRAM-DATE-TIME:2026-03-04T05:07:07.000Z\n", "", "without EXT-X-PROGRAM-DATE-TIME"},
		{"TIME-OFFSET=1.5", "TIME-OFFSET=100", "outside"},
		{"PRECISE=YES", "PRECISE=TRUE", "YES or NO"},
		{"TIME-OFFSET=1.5,PRECISE=YES", "TIME-OFFSET=1.5,TIME-OFFSET=2", "given again"},
		{"#EXT-X-GAP", "#EXT-X-GAPS", "unknown"},
		{"#EXT-X-ENDLIST\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST\n", "before the first segment"},
		{"#EXT-X-ENDLIST\n", "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-ENDLIST\n", "other kind"},
		{"a.mp4", "a b.mp4", "must escape"},
		{"#EXT-X-ENDLIST", "#EXT-X-ENDLIST\x01", "control characters"},
		{"#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-I-FRAMES-ONLY", "does not agree"},
		{"#EXTM3U\n", "\ufeff#EXTM3U\n", "byte order mark"},
		{"#EXT-X-ENDLIST", "\xff#EXT-X-ENDLIST", "UTF-8"},
		{"#EXT-X-ENDLIST", "#EXTM3U\n#EXT-X-ENDLIST", "#EXTM3U again"},
		{"URI=", "uri=", "bad attribute name"},
		{"\"init.mp4\"", "\"init.mp4\"x", "text after the value"},
		{"PRECISE=YES", "PRECISE=", "bad value"},
		{"init.mp4", "%zz", "is invalid"},
	} {
		require.Contains(t, list, c.old)
		require.Contains(t, strings.Join(faults(t, master, strings.Replace(list, c.old, c.new, 1)), "\n"), c.says, c.new)
	}
	require.Empty(t, faults(t, master, strings.Replace(list, "100@120", "100", 1)), "a range goes on behind the one before")
	for _, c := range []struct{ old, new, says string }{
		{"BANDWIDTH=100,", "", "BANDWIDTH is needed"},
		{"AVERAGE-BANDWIDTH=50", "AVERAGE-BANDWIDTH=500", "more than BANDWIDTH"},
		{",CODECS=\"avc1.640028\"", "", "CODECS"},
		{"320x180", "320*180", "RESOLUTION"},
		{"media.m3u8\n", "", "no variant"},
		{"#EXT-X-STREAM-INF:", "#EXT-X-TARGETDURATION:4\n#EXT-X-STREAM-INF:", "other kind"},
		{"RESOLUTION=", "SIZE=", "unknown"},
	} {
		require.Contains(t, master, c.old)
		require.Contains(t, strings.Join(faults(t, strings.Replace(master, c.old, c.new, 1), list), "\n"), c.says, c.new)
	}
}

func TestAReloadedPlaylistMayOnlyGrow(t *testing.T) {
	before := &Media{Text: "#EXTM3U\na\n", TargetSeconds: 4, Type: "EVENT"}
	after := *before
	after.Text += "b\n"
	require.Empty(t, Reloaded(before, &after))
	after.Text = "#EXTM3U\nb\n"
	require.Len(t, Reloaded(before, &after), 1)
	after = Media{Text: before.Text + "b\n", TargetSeconds: 5, Sequence: 1, Type: "VOD"}
	require.Len(t, Reloaded(before, &after), 3)
	before.Ended = true
	require.Len(t, Reloaded(before, &after), 4)
}
