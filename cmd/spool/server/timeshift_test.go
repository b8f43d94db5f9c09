package server

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/testpattern"
)

// livePlaylist is a media playlist of a live stream.
type livePlaylist struct {
	text     string
	first    uint64   // EXT-X-MEDIA-SEQUENCE
	segments []string // names, with their queries
	length   time.Duration
	behind   time.Time // start of the last part
}

var (
	sequence   = regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)\n`)
	inPlaylist = regexp.MustCompile(`#EXTINF:([\d.]+),\n(segment-\d+\.m4s.*)\n`)
	dates      = regexp.MustCompile(`#EXT-X-PROGRAM-DATE-TIME:(.*)\n`)
)

func (d *day) livePlaylist(url string) (p livePlaylist) {
	d.t.Helper()
	p.text = string(d.fetch(url).body)
	p.first, _ = strconv.ParseUint(sequence.FindStringSubmatch(p.text)[1], 10, 64)
	for _, m := range inPlaylist.FindAllStringSubmatch(p.text, -1) {
		seconds, err := strconv.ParseFloat(m[1], 64)
		require.NoError(d.t, err)
		p.segments, p.length = append(p.segments, m[2]), p.length+time.Duration(seconds*float64(time.Second))
	}
	all := dates.FindAllStringSubmatch(p.text, -1)
	p.behind, _ = time.Parse(time.RFC3339, all[len(all)-1][1])
	return p
}

// watch sends media of a duration to a client that always follows. It returns the last playlist.
func (d *day) watch(url string, length time.Duration) (p livePlaylist) {
	d.t.Helper()
	for end := d.utc + int64(length); d.utc < end; {
		d.send(5 * time.Second)
		newest := time.Unix(0, d.utc).Add(-3 * time.Second)
		d.eventually("the playlist follows", func() bool { p = d.livePlaylist(url); return p.behind.After(newest) })
	}
	return p
}

// samplesOf returns the hashes of the samples of segments that follow each other without a hole, by track.
func (d *day) samplesOf(base string, segments []string) (all [2][][32]byte) {
	d.t.Helper()
	var next [2]uint64
	for i, name := range segments {
		var parts fmp4.Parts
		require.NoError(d.t, parts.Unmarshal(d.fetch(base+name).body), name)
		for _, p := range parts {
			for _, t := range p.Tracks {
				if i > 0 {
					require.Equal(d.t, next[t.ID-1], t.BaseTime, "%s, track %d", name, t.ID)
				}
				next[t.ID-1] = t.BaseTime
				for _, s := range t.Samples {
					next[t.ID-1] += uint64(s.Duration)
					all[t.ID-1] = append(all[t.ID-1], sha256.Sum256(s.Payload))
				}
			}
		}
	}
	return all
}

// A long window lists what was recorded before the first client came, and what has left memory since: each unit once, on one time
// line. What a client deletes leaves the playlist.
func TestALongWindowReachesIntoTheRecordings(t *testing.T) {
	for name, gop := range map[string]int{"long GOPs": 2 * dayFPS, "segments in two files": 3} { // files are cut before any GOP
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reachIntoRecordings(t, gop)
		})
	}
}

// textAt returns the whole body of a successful answer.
func textAt(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func reachIntoRecordings(t *testing.T, gop int) {
	t.Helper()
	r := start(t, t.TempDir(), `
mp4: {max_duration: 40s, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
egress: {window: 4m}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, 0, true)
	d := &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-26 * time.Hour).Truncate(time.Millisecond).UnixNano()}
	d.o.FPS, d.o.GOP, d.o.Channels = testpattern.Rate{Num: dayFPS, Den: 1}, gop, 1
	d.connect(192, 108)
	d.send(100 * time.Second)
	const base = "/mp4/live/live/day/"
	type answer struct {
		body string
		err  error
	}
	begun := make(chan answer, 1)
	go func() { // its answer needs a part
		var a answer
		a.body, a.err = textAt(d.apiURL() + base + "index.m3u8")
		begun <- a
	}()
	d.eventually("a client reads", func() bool { return len(r.viewers.Connections()) == 1 })
	d.send(5 * time.Second)
	master := <-begun
	require.NoError(t, master.err)
	lines := strings.Fields(master.body)
	require.NotEmpty(t, lines)
	url := base + lines[len(lines)-1]
	p := d.watch(url, 10*time.Second)
	require.Greater(t, p.length, 100*time.Second)
	before := p.first

	p = d.watch(url, 70*time.Second) // of which 30 s lie in memory
	require.Equal(t, before, p.first)
	require.Greater(t, p.length, 170*time.Second)
	require.NotContains(t, p.text, "#EXT-X-DISCONTINUITY\n")
	for track, got := range d.samplesOf(base, p.segments) {
		require.Equal(t, hashes(d.shots[track])[:len(got)], got)
	}

	p = d.watch(url, 90*time.Second)
	require.InDelta(t, 240, p.length.Seconds(), 5)
	require.Greater(t, p.first, before)

	var list struct{ Records []struct{ ID, File string } }
	require.Equal(t, http.StatusOK, r.ask("GET", "/mp4/records?order=asc&stream=live/day", &list))
	gone := list.Records[len(list.Records)-3] // with it, what was before can no longer be reached
	require.Equal(t, http.StatusOK, r.ask("DELETE", "/mp4/records/"+gone.ID, nil))
	d.eventually("what was before has left", func() bool { p = d.livePlaylist(url); return p.length < 130*time.Second })
	require.Greater(t, p.length, 70*time.Second)
	got := d.samplesOf(base, p.segments)
	all := hashes(d.shots[0])
	at := 0
	for all[at] != got[0][0] {
		at++
	}
	require.Equal(t, all[at:at+len(got[0])], got[0])
}
