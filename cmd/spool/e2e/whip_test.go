//go:build linux

package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/browsertest"
)

// published is the report of the page testdata/whip.html.
type published struct {
	Errors    []string
	Pictures  int // sent
	KeyFrames int
	Requests  int // for key frames
	Width     int
	Again     int // packets sent again
	Ended     int // status of DELETE
	Done      bool
}

// Browsers publish a camera by WHIP, and each picture that they have sent is recorded.
func TestBrowsersPublish(t *testing.T) {
	t.Parallel()
	r := serve(t, "", everywhere...)
	for _, browser := range browsertest.Names {
		t.Run(browser, func(t *testing.T) {
			t.Parallel()
			stream := "live/" + browser
			r.start(stream, "?wait=true")
			got := page[published](r, t, browser, "whip.html", url.Values{"to": {"/whip/" + stream}, "pictures": {"150"}})
			require.True(t, got.Done, "%+v", got)
			require.Empty(t, got.Errors)
			require.Equal(t, http.StatusOK, got.Ended)
			r.stop(stream)
			require.Empty(t, r.stream(stream).Drops)
			recorded := 0
			for _, record := range r.awaitRecords(stream, 1) { // a browser may change the size of its pictures, which begins a file
				out, complaint, err := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", r.path(record.File))
				require.NoError(t, err, complaint)
				n, err := strconv.Atoi(strings.Trim(out, ",\n"))
				require.NoError(t, err)
				recorded += n
			}
			if browser == "chromium" {
				require.Equal(t, got.Pictures, recorded)
			} else { // its counters end before its camera does
				require.GreaterOrEqual(t, recorded, got.Pictures)
			}
			t.Logf("%+v, %d recorded", got, recorded)
		})
	}
}

// A browser that changes the size of its pictures often does not make a file each: the sizes follow each other in one file.
func TestABrowserChangesItsResolution(t *testing.T) {
	t.Parallel()
	r := serve(t, "", "--set", "ingest/webrtc/min_segment=1h")
	const stream = "live/resized"
	r.start(stream, "?wait=true")
	got := page[published](r, t, "chromium", "whip.html", url.Values{"to": {"/whip/" + stream}, "pictures": {"60"}, "resize": {"12"}})
	require.True(t, got.Done, "%+v", got)
	r.stop(stream)
	records := r.awaitRecords(stream, 1)
	require.Len(t, records, 1, "%+v", records)
	out, complaint, err := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width", "-of", "csv=p=0", r.path(records[0].File))
	require.NoError(t, err)
	require.Empty(t, complaint)
	widths := strings.Fields(strings.ReplaceAll(out, ",", " "))
	require.Len(t, widths, got.Pictures)
	slices.Sort(widths)
	require.Greater(t, len(slices.Compact(widths)), 1, "a busy browser may choose further sizes")
	require.Empty(t, r.stream(stream).Drops)
}
