package server

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// segments keeps the hashes of the samples of each segment that was fetched, because playlists of one day share them.
type segments map[string][2][][32]byte

// playlist checks the playlist of a span: it has, in order, each picture and each sound of the span, from the key frame before it on, and up to
// a chunk behind it.
func (d *day) playlist(known segments, from, to int64, gaps string) {
	d.t.Helper()
	address := fmt.Sprintf("%s/mp4/hls/%s/index.m3u8?start=%s&end=%s&gaps=%s", d.apiURL(), d.path, stamp(from), stamp(to), gaps)
	client := &http.Client{}
	p, err := hlscheck.Check(d.t.Context(), client, address)
	require.NoError(d.t, err)
	require.NoError(d.t, p.Fault(), address)
	m := p.Media[0]
	require.False(d.t, m.KeyFrames)
	var got [2][][32]byte
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Gap {
			continue
		}
		key := fmt.Sprint(s.URL, s.At, s.SizeBytes)
		samples, ok := known[key]
		if !ok {
			samples = d.segment(client, s)
			known[key] = samples
		}
		for _, track := range []int{testpattern.VideoTrack, testpattern.AudioTrack} {
			got[track] = append(got[track], samples[track]...)
		}
		d.dated(s, samples[testpattern.VideoTrack][0], address)
	}
	d.covers(got[testpattern.VideoTrack], got[testpattern.AudioTrack], from, to, address)
}

// segment returns the hashes of the samples of a segment, by track.
func (d *day) segment(client *http.Client, s *hlscheck.Segment) (out [2][][32]byte) {
	d.t.Helper()
	film := append(d.bytes(client, s.Init, s.InitAt, s.InitBytes), d.bytes(client, s.URL, s.At, s.SizeBytes)...)
	text, err := sampleindex.Build(bytes.NewReader(film), index.Source{Recording: media.ID{1}, Bytes: int64(len(film))})
	require.NoError(d.t, err)
	x, err := index.OpenBytes(text)
	require.NoError(d.t, err)
	for i, t := range x.Tracks {
		track := testpattern.VideoTrack
		if t.Handler.Is("soun") {
			track = testpattern.AudioTrack
		}
		samples := x.Samples(i, 0)
		var one isobmff.Sample
		for ok, err := samples.Next(&one); ok; ok, err = samples.Next(&one) {
			require.NoError(d.t, err)
			out[track] = append(out[track], sha256.Sum256(film[one.At:][:one.SizeBytes]))
		}
	}
	return out
}

// bytes fetches n bytes of a resource; 0: all.
func (d *day) bytes(client *http.Client, u *url.URL, at, n int64) []byte {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), "GET", u.String(), nil)
	require.NoError(d.t, err)
	if n > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at+n-1))
	}
	resp, err := client.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	require.Less(d.t, resp.StatusCode, 300)
	b, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return b
}

// dated checks the wall clock of a segment, whose first picture has a hash.
func (d *day) dated(s *hlscheck.Segment, first [32]byte, what string) {
	d.t.Helper()
	require.WithinDuration(d.t, time.Unix(0, d.shots[testpattern.VideoTrack][d.keyFrame(first)].atNS), s.Time, time.Second/dayFPS, what)
}

// covers checks that the samples of a playlist are those of a span, with at most a GOP before it, and a chunk behind it. A key frame
// differs from all other ones; pieces of sound are alike.
func (d *day) covers(pictures, sounds [][32]byte, from, to int64, what string) {
	d.t.Helper()
	all := d.shots[testpattern.VideoTrack]
	begin := d.keyFrame(pictures[0])
	end := begin + len(pictures)
	require.LessOrEqual(d.t, end, len(all), what)
	require.True(d.t, slices.Equal(hashes(all[begin:end]), pictures), "each picture once, in order: %s", what)
	want := d.expected(testpattern.VideoTrack, from, to)
	require.LessOrEqual(d.t, all[begin].atNS, want[0].atNS, what)
	require.GreaterOrEqual(d.t, all[end-1].atNS, want[len(want)-1].atNS, what)
	const slack = int64(100 * time.Millisecond)
	require.Less(d.t, from-all[begin].atNS, int64(d.o.GOP)*int64(time.Second)/dayFPS+slack, what)
	require.Less(d.t, all[end-1].atNS-to, int64(time.Second)+slack, what)

	near := d.expected(testpattern.AudioTrack, all[begin].atNS-slack, all[end-1].atNS+int64(time.Second)/dayFPS+slack)
	for len(near) > len(sounds) && !slices.Equal(hashes(near[:len(sounds)]), sounds) {
		near = near[1:]
	}
	require.True(d.t, slices.Equal(hashes(near[:min(len(near), len(sounds))]), sounds), "each piece of sound once, in order: %s", what)
	spoken := d.expected(testpattern.AudioTrack, max(from, all[begin].atNS), min(to, all[end-1].atNS))
	require.LessOrEqual(d.t, near[0].atNS, spoken[0].atNS+slack, what)
	require.GreaterOrEqual(d.t, near[len(sounds)-1].atNS, spoken[len(spoken)-1].atNS-slack, what)
}

// keyFrame returns the number of a key frame that was sent.
func (d *day) keyFrame(hash [32]byte) int {
	d.t.Helper()
	n, ok := d.keys[hash]
	require.True(d.t, ok, "no key frame that was sent")
	return n
}
