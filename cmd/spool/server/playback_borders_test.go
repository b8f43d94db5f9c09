package server

import (
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// newShortDay returns a stream of 6 s with a key frame each 2 s, whose file is finished.
func newShortDay(t *testing.T) *day {
	t.Helper()
	r := start(t, t.TempDir(), `
mp4: {filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, 0, true)
	d := &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-time.Hour).Truncate(time.Second).UnixNano()}
	d.connect(320, 180)
	d.send(6 * time.Second)
	d.leave(0)
	return d
}

// getWith sends a request; the headers are name, value, name, value.
func (d *day) getWith(target string, headers ...string) (code int, header http.Header, body []byte) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.apiURL()+target, nil)
	require.NoError(d.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp.StatusCode, resp.Header, body
}

// TestAStillAtABorder requests the pictures at the moment of a key frame, and a nanosecond before.
func TestAStillAtABorder(t *testing.T) {
	t.Parallel()
	d := newShortDay(t)
	still := func(utc int64) (code, number int) {
		code, _, body := d.getWith("/mp4/frame/" + d.path + "?format=mp4&at=" + stamp(utc))
		if code != http.StatusOK {
			return code, -1
		}
		number, known := d.keys[sha256.Sum256(isobmff.Find(body, "mdat"))]
		require.True(t, known, "it is a key frame that was sent")
		return code, number
	}
	pictures := d.shots[testpattern.VideoTrack]
	for _, c := range []struct {
		utc  int64
		want int
	}{
		{pictures[0].atNS, 0}, {pictures[50].atNS - 1, 0}, {pictures[50].atNS, 50}, {pictures[100].atNS - 1, 50}, {pictures[100].atNS, 100},
	} {
		code, number := still(c.utc)
		require.Equal(t, []int{http.StatusOK, c.want}, []int{code, number}, "at picture 0 plus %v", time.Duration(c.utc-pictures[0].atNS))
	}
	code, _ := still(pictures[0].atNS - 1)
	require.Equal(t, http.StatusNotFound, code)
}

// TestAPlayedFileHasOneETag requests a file again, in ranges with the right and with other ETags.
func TestAPlayedFileHasOneETag(t *testing.T) {
	t.Parallel()
	d := newShortDay(t)
	span := "/mp4/play/" + d.path + "?start=" + stamp(d.utc-int64(5*time.Second)) + "&end="
	whole := d.fetch(span + stamp(d.utc))
	tag := whole.header.Get("ETag")
	require.True(t, strings.HasPrefix(tag, `"`), "it is a strong one: %s", tag)
	again := d.fetch(whole.url + "&download=false")
	require.Equal(t, tag, again.header.Get("ETag"), "of another plan")
	other := d.fetch(span + stamp(d.utc-int64(time.Second)))
	require.NotEqual(t, tag, other.header.Get("ETag"), "of another span")
	for _, c := range []struct {
		name, value string
		code        int
		want        []byte
	}{
		{"If-Range", tag, http.StatusPartialContent, whole.body[100:200]},
		{"If-Range", other.header.Get("ETag"), http.StatusOK, whole.body},
		{"If-Range", "W/" + tag, http.StatusOK, whole.body},
		{"If-Match", other.header.Get("ETag"), http.StatusPreconditionFailed, nil},
		{"If-None-Match", tag, http.StatusNotModified, []byte{}},
	} {
		code, header, body := d.getWith(whole.url, "Range", "bytes=100-199", c.name, c.value)
		require.Equal(t, c.code, code, "%s: %s", c.name, c.value)
		if c.want != nil {
			require.Equal(t, c.want, body)
			require.Equal(t, tag, header.Get("ETag"))
		}
	}
}
