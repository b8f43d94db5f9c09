package server

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// clockShown requests a span with the wall clock, and compares its lines with the pictures that are presented with them.
func (d *day) clockShown(from, to int64, gaps string) {
	d.t.Helper()
	f := d.fetch(fmt.Sprintf("/mp4/play/%s?start=%s&end=%s&gaps=%s&clock=true", d.path, stamp(from), stamp(to), gaps))
	name := filepath.Join(d.t.TempDir(), "span.mp4")
	require.NoError(d.t, os.WriteFile(name, f.body, 0o600))
	text, err := exec.CommandContext(d.t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-i", name, "-map", "0:s", "-f", "srt", "-").Output()
	require.NoError(d.t, err)
	shown := presented(d.t, f.body)["vide"]
	sent := d.expected(testpattern.VideoTrack, from, to)
	require.Len(d.t, shown, len(sent))
	lines := 0
	for entry := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		parts := strings.Split(entry, "\n")
		require.GreaterOrEqual(d.t, len(parts), 3, entry)
		begin := seconds(d.t, strings.Split(parts[1], " --> ")[0])
		at, _ := slices.BinarySearchFunc(shown, begin+2e6, func(s shot, ns int64) int { return cmp.Compare(s.atNS, ns) })
		at = max(at-1, 0) // the picture that is shown then
		wall, err := time.Parse("2006-01-02 15:04:05Z", regexp.MustCompile("<[^>]*>").ReplaceAllString(parts[2], ""))
		require.NoError(d.t, err, "%q", entry)
		since := begin - shown[at].atNS // longer than a picture only in a gap
		require.InDelta(d.t, sent[at].atNS+since, wall.UnixNano(), float64(time.Second)+5e6, "%q, with the picture of %s", entry, stamp(sent[at].atNS))
		lines++
	}
	length, err := strconv.ParseFloat(f.header.Get("Spool-Duration"), 64)
	require.NoError(d.t, err)
	clips := d.plan(from, to, movie.Options{}).Clips()
	require.InDelta(d.t, length, lines, float64(clips+1), "a line a second, and one at the begin of each clip")
	require.Equal(d.t, hashes(sent), hashes(shown))
}

// seconds reads a time of a subtitle file, in ns.
func seconds(t *testing.T, text string) int64 {
	t.Helper()
	var h, m, s, ms int64
	_, err := fmt.Sscanf(text, "%d:%d:%d,%d", &h, &m, &s, &ms)
	require.NoError(t, err)
	return ((h*60+m)*60+s)*int64(time.Second) + ms*int64(time.Millisecond)
}

// split requests a span in parts that have one resolution each. Together they have all pictures.
func (d *day) split(from, to int64, whole fetched) {
	d.t.Helper()
	url, parts := fmt.Sprintf("/mp4/play/%s?start=%s&end=%s&split=true", d.path, stamp(from), stamp(to)), 0
	var all []shot
	for ; url != ""; parts++ {
		f := d.fetch(url)
		moov := isobmff.Find(f.body, "moov")
		stsd := isobmff.Find(moov, "trak", "mdia", "minf", "stbl", "stsd")
		require.EqualValues(d.t, 1, binary.BigEndian.Uint32(stsd[4:]), "one description")
		all = append(all, presented(d.t, f.body)["vide"]...)
		url = ""
		if link, next := strings.CutSuffix(f.header.Get("Link"), `>; rel="next"`); next {
			url = link[1:]
		}
		require.Less(d.t, parts, 3)
	}
	require.Equal(d.t, 2, parts)
	require.Equal(d.t, hashes(presented(d.t, whole.body)["vide"]), hashes(all))
}
