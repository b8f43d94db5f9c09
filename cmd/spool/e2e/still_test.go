package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/testpattern"
)

// still is the answer to a request for a picture.
type still struct {
	code   int
	header http.Header
	body   []byte
}

// picture requests a picture; the headers are name, value, name, value.
func (r *recorder) picture(method, stream, query string, headers ...string) (s still) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.api+"/mp4/frame/"+stream+"?"+query, nil)
	require.NoError(r.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp := r.do(req)
	defer resp.Body.Close()
	s = still{code: resp.StatusCode, header: resp.Header}
	s.body, err = io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return s
}

// file writes the answer to a file.
func (s still) file(t *testing.T, name string) string {
	t.Helper()
	require.Equal(t, 200, s.code, "%s", s.body)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, s.body, 0o644))
	return path
}

// time returns when the picture was presented.
func (s still) time(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s.header.Get("Spool-Time"))
	require.NoError(t, err)
	return at
}

func at(moment time.Time) string { return "at=" + url.QueryEscape(moment.Format(time.RFC3339Nano)) }

// numberIn reads the number of the test pattern in a JPEG.
func numberIn(t *testing.T, jpeg []byte, width, height int) uint32 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.jpg")
	require.NoError(t, os.WriteFile(file, jpeg, 0o644))
	raw := tool(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "rawvideo", "-pix_fmt", "gray", "-")
	require.Len(t, raw, width*height)
	n, ok := testpattern.ReadFrameNumber([]byte(raw), width, width, height)
	require.True(t, ok, "the picture shows no number")
	return n
}

// The burnt-in numbers tell which pictures are the answers: in each file, at its begin and its end, in the growing one,
// in both forms of files.
func TestAPictureIsTheKeyFrameAtOrBeforeAMoment(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			r := serve(t, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`,
				"--set", "mp4/max_duration=3", "--set", "mp4/filename_pattern={stream_path}/{timestamp}_{ms}.mp4", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			r.start("live/a", "")
			growing := map[string]still{} // by query
			var newest still
			eventually(t, "the third file grows, and has two key frames", func() bool {
				recs := r.records("live/a")
				newest = r.picture("GET", "live/a", "")
				return len(recs) == 3 && newest.code == 200 && newest.time(t).Sub(recs[2].Start) > 500*time.Millisecond
			})
			for _, ago := range []time.Duration{time.Millisecond, time.Second} {
				q := at(newest.time(t).Add(-ago))
				growing[q] = r.picture("GET", "live/a", q)
				require.LessOrEqual(t, growing[q].time(t).Sub(newest.time(t)), -ago)
			}
			before := time.Now()
			r.stop("live/a")
			recs := r.awaitRecords("live/a", 3)
			for i, rec := range recs {
				r.picturesOf(rec, i)
			}
			for q, s := range growing {
				again := r.picture("GET", "live/a", q)
				require.Equal(t, s.header.Get("ETag"), again.header.Get("ETag"), "it is the same when its file is finished")
				require.Equal(t, s.body, again.body)
			}
			r.noPictureAt(before, recs)
		})
	}
}

// picturesOf requires the pictures at many moments of a finished recording.
func (r *recorder) picturesOf(rec record, number int) {
	t := r.t
	t.Helper()
	numbers := frameNumbers(t, r.path(rec.File), 320, 180)
	for _, i := range []int{0, 3, 24, 25, len(numbers) - 1} {
		if i >= len(numbers) {
			break // a short file
		}
		n := numbers[i]
		middle := rec.Start.Add(time.Duration(i)*40*time.Millisecond + 20*time.Millisecond)
		s := r.picture("GET", "live/a", at(middle))
		file := s.file(t, "a.mp4")
		require.Equal(t, []uint32{n - uint32(i%25)}, frameNumbers(t, file, 320, 180), "file %d, picture %d", number, i)
		require.WithinDuration(t, middle, s.time(t), time.Duration(i%25)*40*time.Millisecond+120*time.Millisecond, "within the precision of anchors")
		require.False(t, s.time(t).After(middle))
		require.Equal(t, s.header.Get("ETag"), r.picture("HEAD", "live/a", at(s.time(t))).header.Get("ETag"), "its own time finds it")
		if i == 3 {
			require.Equal(t, []string{"ftyp", "moov", "mdat"}, boxes(t, file))
			require.InDelta(t, 0.04, describe(t, file).Format.Duration, 1e-9)
			jpeg := r.picture("GET", "live/a", "format=jpeg&"+at(middle))
			require.Equal(t, 200, jpeg.code, "%s", jpeg.body)
			require.Equal(t, "image/jpeg", jpeg.header.Get("Content-Type"))
			require.Equal(t, n-3, numberIn(t, jpeg.body, 320, 180))
			require.Equal(t, s.header.Get("Spool-Time"), jpeg.header.Get("Spool-Time"))
		}
	}
}

// noPictureAt requires that moments before and after all recordings have no picture, and that a client may ask for
// the last one nevertheless.
func (r *recorder) noPictureAt(begun time.Time, recs []record) {
	t := r.t
	t.Helper()
	end := recs[len(recs)-1].End
	gap := end.Add(1500 * time.Millisecond)
	eventually(t, "the moment is past", func() bool { return time.Now().After(gap) })
	none := r.picture("GET", "live/a", at(gap))
	require.Equal(t, 404, none.code)
	require.Contains(t, string(none.body), "the last recording before it ended 1s earlier")
	require.Contains(t, string(none.body), "with before=2s")
	last := r.picture("GET", "live/a", "before=2s&"+at(gap))
	require.Equal(t, 200, last.code, "%s", last.body)
	require.Equal(t, last.header.Get("ETag"), r.picture("GET", "live/a", at(end.Add(-time.Millisecond))).header.Get("ETag"))
	none = r.picture("GET", "live/a", at(recs[0].Start.Add(-time.Second)))
	require.Equal(t, 404, none.code)
	require.Contains(t, string(none.body), "none before it")
}

func TestAPictureIsCachedAndHasRanges(t *testing.T) {
	t.Parallel()
	r := serve(t, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`)
	r.start("live/a", "?duration=2")
	moment := at(r.awaitRecords("live/a", 1)[0].Start.Add(500 * time.Millisecond))
	for _, format := range []string{"mp4", "jpeg"} {
		q := moment + "&format=" + format
		whole := r.picture("GET", "live/a", q)
		require.Equal(t, 200, whole.code, "%s", whole.body)
		tag := whole.header.Get("ETag")
		require.NotEmpty(t, tag)
		require.Equal(t, "no-cache", whole.header.Get("Cache-Control"))
		head := r.picture("HEAD", "live/a", q)
		require.Equal(t, 200, head.code)
		require.Equal(t, []string{tag, whole.header.Get("Spool-Time"), whole.header.Get("Spool-Recording"), whole.header.Get("Content-Type")},
			[]string{head.header.Get("ETag"), head.header.Get("Spool-Time"), head.header.Get("Spool-Recording"), head.header.Get("Content-Type")})
		for _, known := range []string{tag, `"x", ` + tag, "*"} {
			same := r.picture("GET", "live/a", q, "If-None-Match", known)
			require.Equal(t, 304, same.code, "%s %s", format, known)
			require.Empty(t, same.body)
			require.Equal(t, tag, same.header.Get("ETag"))
		}
		require.Equal(t, 200, r.picture("GET", "live/a", q, "If-None-Match", `"x"`).code)
		part := r.picture("GET", "live/a", q, "Range", "bytes=10-49")
		require.Equal(t, 206, part.code)
		require.Equal(t, whole.body[10:50], part.body)
		require.Equal(t, fmt.Sprintf("bytes 10-49/%d", len(whole.body)), part.header.Get("Content-Range"))
		beyond := r.picture("GET", "live/a", q, "Range", "bytes=99999999-")
		require.Equal(t, 416, beyond.code)
		require.Contains(t, string(beyond.body), "the range cannot be served")
	}
	small := r.picture("GET", "live/a", moment+"&format=jpeg&width=160")
	require.Equal(t, 200, small.code, "%s", small.body)
	f := describe(t, small.file(t, "small.jpg"))
	require.Equal(t, []int{160, 90}, []int{f.Streams[0].Width, f.Streams[0].Height})
	require.NotEqual(t, small.header.Get("ETag"), r.picture("HEAD", "live/a", moment+"&format=jpeg").header.Get("ETag"))
	for query, text := range map[string]string{
		"at=yesterday": "is not a time", "format=png": "is none of mp4, jpeg", "width=5": "for format=jpeg only", "format=jpeg&width=0": "is not a number from 1 to 8192",
		"before=-1s": "out of range", "when=1": "unknown parameter",
	} {
		bad := r.picture("GET", "live/a", query)
		require.Equal(t, 400, bad.code, query)
		require.Contains(t, string(bad.body), text, query)
	}
	require.Equal(t, 400, r.picture("GET", "live/"+strings.Repeat("a", 300), "").code)
	require.Equal(t, 404, r.picture("GET", "live/b", "").code)
	require.Equal(t, 404, r.picture("GET", "live/a", "pipeline=other&"+moment).code)
}

// A picture of a publisher's stream with B-frames is one of the sent key frames, to the byte. A stream of sound has none.
func TestAPictureOfH265AndAStreamWithout(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}, live/sound: {}}")
	r.start("live/a", "?wait=true")
	r.start("live/sound", "?wait=true")
	source := x265Clip(t)
	pictures := publish(t, source, r.rtsp+"/live/a", "tcp", "-re")
	sound := publishBy(t, "-re", "-i", source, "-map", "0:a", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp+"/live/sound")
	pictures.finish()
	sound.finish()
	r.stop("live/a")
	r.stop("live/sound")
	rec := r.awaitRecords("live/a", 1)[0]
	keys := map[string]bool{}
	for _, p := range probe(t, source, "v").packets {
		if p.key {
			keys[p.hash] = true
		}
	}
	require.Greater(t, len(keys), 2)
	seen := map[string]bool{}
	for moment := rec.Start.Add(time.Second); moment.Before(rec.End); moment = moment.Add(time.Second) {
		file := r.picture("GET", "live/a", at(moment)).file(t, "a.mp4")
		decodes(t, file)
		packets := probe(t, file, "v").packets
		require.Len(t, packets, 1)
		require.True(t, packets[0].key)
		require.True(t, keys[packets[0].hash], "it is a key frame of the source")
		seen[packets[0].hash] = true
		require.Equal(t, "hevc", describe(t, file).Streams[0].Codec)
	}
	require.GreaterOrEqual(t, len(seen), len(keys)-1, "each in its turn; the recording begins at the publisher's first key frame")
	jpeg := r.picture("GET", "live/a", "format=jpeg&"+at(rec.Start.Add(time.Second)))
	require.Equal(t, 200, jpeg.code, "%s", jpeg.body)
	rec = r.awaitRecords("live/sound", 1)[0]
	none := r.picture("GET", "live/sound", at(rec.Start.Add(time.Second)))
	require.Equal(t, 404, none.code)
	require.Contains(t, string(none.body), "have no pictures")
}

// Without ffmpeg the recorder says so, and sends MP4 nevertheless. A program that fails, writes no end or never ends
// does not hurt.
func TestAPictureWithoutFFmpeg(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := prepare(t, racyBinary, dir, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`)
	programs := t.TempDir()
	r.cmd.Env = append(r.cmd.Env, "PATH="+programs)
	r.run()
	r.ready()
	r.expect("request not served")
	r.start("live/a", "?duration=1")
	moment := at(r.awaitRecords("live/a", 1)[0].Start.Add(500 * time.Millisecond))
	require.Equal(t, 200, r.picture("GET", "live/a", moment).code)
	for _, method := range []string{"GET", "HEAD"} {
		missing := r.picture(method, "live/a", "format=jpeg&"+moment)
		require.Equal(t, 501, missing.code)
		require.True(t, method == "HEAD" || strings.Contains(string(missing.body), "install ffmpeg, or request format=mp4"), "%s", missing.body)
	}
	for name, script := range map[string]string{
		"it fails":        "echo wrong >&2; exit 1",
		"it is silent":    "exit 0",
		"it has no end":   "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
		"it takes a nap":  "exec /bin/sleep 600",
		"it is no binary": "",
	} {
		program := filepath.Join(programs, "ffmpeg")
		require.NoError(t, os.WriteFile(program+".new", []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		require.NoError(t, os.Rename(program+".new", program))
		bad := r.picture("GET", "live/a", "format=jpeg&"+moment)
		require.Equal(t, 502, bad.code, name)
		require.Contains(t, string(bad.body), "ffmpeg did not decode the picture: request format=mp4", name)
		require.False(t, bytes.Contains(bad.body, []byte("wrong")), "what the program writes is for the log")
	}
}
