package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// shot is an access unit that a camera has sent, or a sample of a played file.
type shot struct {
	atNS int64    // wall clock, ns UTC; of a sample: time in the movie
	hash [32]byte // of the bytes
}

// day is a stream that sends its media much faster than the clock, with a wall clock of its own.
type day struct {
	*fixture
	pub   *hub.Publisher
	gen   *testpattern.Generator
	path  string
	o     testpattern.Options
	utc   int64 // wall clock of the next generator's first frame
	shots [2][]shot

	keys map[[32]byte]int // numbers of the key frames in shots

	width     int     // of the latest pictures
	described []int64 // wall clock of each change of the resolution
}

const dayFPS = 5

// connect begins to publish, at the wall clock that the previous publisher reached.
func (d *day) connect(width, height int) {
	d.t.Helper()
	if d.keys == nil {
		d.keys = map[[32]byte]int{}
	}
	pub, err := d.hub.Publish(d.path, hub.PublishOptions{})
	require.NoError(d.t, err)
	d.pub = pub
	d.describe(width, height)
}

// describe begins a stream of pictures of another size.
func (d *day) describe(width, height int) {
	d.t.Helper()
	d.o.Width, d.o.Height, d.o.UTC, d.o.Start = width, height, d.utc, uint32(len(d.shots[0]))
	gen, err := testpattern.New(d.o)
	require.NoError(d.t, err)
	d.gen = gen
	require.NoError(d.t, d.pub.SetTracks(gen.Tracks()))
	if d.width != width {
		d.described, d.width = append(d.described, d.utc), width
	}
}

// send publishes media of a duration, and waits after each second of it until the muxer has it.
func (d *day) send(length time.Duration) {
	d.t.Helper()
	for end := d.utc + int64(length); d.utc < end; {
		for next := d.utc + int64(5*time.Second); d.utc < min(next, end); {
			track, au := d.gen.Next()
			h := sha256.New()
			for _, nal := range au.Payload {
				if track == testpattern.VideoTrack {
					h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(nal))))
				}
				h.Write(nal)
			}
			if au.Sync && track == testpattern.VideoTrack {
				d.keys[[32]byte(h.Sum(nil))] = len(d.shots[track])
			}
			d.shots[track] = append(d.shots[track], shot{au.UTC, [32]byte(h.Sum(nil))})
			require.NoError(d.t, d.pub.Write(track, au))
			if track == testpattern.VideoTrack {
				d.utc = au.UTC + int64(time.Second)*int64(d.o.FPS.Den)/int64(d.o.FPS.Num)
			}
		}
		behind := time.Unix(0, d.utc).Add(-5 * time.Second)
		d.eventually("the muxer has the media", func() bool {
			s := d.recorder.Status(d.path)
			return len(s) == 1 && !s[0].Report.LastWritten.Before(behind)
		})
	}
}

// leave ends the publisher, and lets time pass.
func (d *day) leave(gap time.Duration) {
	d.t.Helper()
	d.pub.Close(endcause.SourceLost)
	d.eventually("the files are finished", func() bool { s := d.recorder.Status(d.path); return len(s) == 0 || s[0].Report.File == "" })
	d.utc += int64(gap)
}

// expected returns the pictures in a span.
func (d *day) expected(track int, from, to int64) (out []shot) {
	for _, s := range d.shots[track] {
		if s.atNS >= from && s.atNS < to {
			out = append(out, s)
		}
	}
	return out
}

// fetched is the answer with a file.
type fetched struct {
	url    string // behind the redirects, without the host
	header http.Header
	body   []byte
}

func (d *day) fetch(url string) fetched {
	d.t.Helper()
	resp, err := http.Get(d.apiURL() + url)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusOK, resp.StatusCode, "%s: %.300s", url, body)
	if resp.ContentLength >= 0 {
		require.EqualValues(d.t, resp.ContentLength, len(body))
	}
	return fetched{resp.Request.URL.RequestURI(), resp.Header, body}
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// presented returns the samples of each kind of track that a player presents, by the tables and the edit lists.
func presented(t *testing.T, b []byte) (out map[string][]shot) {
	t.Helper()
	moov := isobmff.Find(b, "moov")
	mvhd, ok := isobmff.ReadMvhd(isobmff.Find(moov, "mvhd"))
	require.True(t, ok)
	out = map[string][]shot{}
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		mdhd, _ := isobmff.ReadMdhd(isobmff.Find(boxes.Payload, "mdia", "mdhd"))
		handler, _ := isobmff.ReadHdlr(isobmff.Find(boxes.Payload, "mdia", "hdlr"))
		shift, from, to := int64(0), int64(0), int64(1)<<60
		edits := isobmff.ReadElst(isobmff.Find(boxes.Payload, "edts", "elst"))
		for e, ok := edits.Next(); ok; e, ok = edits.Next() {
			length := media.Rescale(int64(e.DurationTicks), mvhd.Timescale, mdhd.Timescale)
			if e.MediaTicks == -1 {
				shift = length
			} else {
				from, to = e.MediaTicks, e.MediaTicks+length
			}
		}
		table, err := isobmff.ReadSampleTable(isobmff.Find(boxes.Payload, "mdia", "minf", "stbl"))
		require.NoError(t, err)
		var s isobmff.Sample
		end := int64(0)
		for ok, err := table.Next(&s); ok; ok, err = table.Next(&s) {
			require.NoError(t, err)
			require.LessOrEqual(t, s.At+int64(s.SizeBytes), int64(len(b)))
			end = s.DTS + s.DurationTicks
			if pts := s.DTS + int64(s.OffsetTicks); pts >= from && pts < to {
				out[handler.String()] = append(out[handler.String()], shot{media.ToNanos(pts-from+shift, mdhd.Timescale), sha256.Sum256(b[s.At:][:s.SizeBytes])})
			}
		}
		require.EqualValues(t, mdhd.DurationTicks, end, "the samples last as long as the track")
	}
	return out
}

func hashes(list []shot) (out [][32]byte) {
	for _, s := range list {
		out = append(out, s.hash)
	}
	return out
}

// check fetches a span and compares it with what the camera has sent.
func (d *day) check(from, to int64, gaps string) fetched {
	d.t.Helper()
	f := d.fetch(fmt.Sprintf("/mp4/play/%s?start=%s&end=%s&gaps=%s", d.path, stamp(from), stamp(to), gaps))
	what := fmt.Sprintf("%s to %s, gaps=%s: %s", stamp(from), stamp(to), gaps, f.url)
	got, want := presented(d.t, f.body), d.expected(testpattern.VideoTrack, from, to)
	pictures := got["vide"]
	require.Equal(d.t, len(want), len(pictures), what)
	require.True(d.t, slices.Equal(hashes(want), hashes(pictures)), "the pictures in order: %s", what)
	require.Zero(d.t, pictures[0].atNS, what)
	frame := int64(time.Second) / dayFPS
	for i := 1; i < len(want); i++ {
		step, sent := pictures[i].atNS-pictures[i-1].atNS, want[i].atNS-want[i-1].atNS
		if gaps == gapsKept || sent < 2*frame {
			require.InDelta(d.t, sent, step, 1e6, "%s: picture %d", what, i)
		} else {
			require.InDelta(d.t, frame, step, float64(frame), "%s: picture %d, after a gap of %v", what, i, time.Duration(sent))
		}
	}
	// Sound: at most the unit at each end of a clip is another one, and each is presented with its picture.
	sound, sent := got["soun"], d.expected(testpattern.AudioTrack, from, to)
	require.InDelta(d.t, len(sent), len(sound), 12, what)
	if gaps == gapsKept {
		near := d.expected(testpattern.AudioTrack, from-frame, to+frame)
		for _, s := range sound {
			at, _ := slices.BinarySearchFunc(near, s.atNS+want[0].atNS-int64(time.Millisecond), func(x shot, at int64) int { return cmp.Compare(x.atNS, at) })
			require.Less(d.t, at, len(near), what)
			require.InDelta(d.t, near[at].atNS-want[0].atNS, s.atNS, 1e6, what)
			require.Equal(d.t, near[at].hash, s.hash, what)
		}
	}
	length, err := strconv.ParseFloat(f.header.Get("Spool-Duration"), 64)
	require.NoError(d.t, err)
	require.InDelta(d.t, float64(pictures[len(pictures)-1].atNS+frame)/1e9, length, float64(frame)/1e9, what)
	return f
}

const gapsKept = "keep"

// decodes runs a file through ffmpeg.
func decodes(t *testing.T, b []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "span.mp4")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", name, "-f", "null", "-").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

// TestSpansOfADay plays random spans of a stream with files of some minutes, two reconnects and a change of
// the resolution, while its last file grows and after that.
func TestSpansOfADay(t *testing.T) {
	minute := time.Minute                  // of the day: SPOOL_DAY makes it one of 24 hours
	file, spans, others := 2*minute, 60, 4 // the other forms of every fourth span
	if os.Getenv("SPOOL_DAY") != "" {
		file, spans, others = 10*minute, 200, 1
	}
	unit := file / 2 * 3
	r := start(t, t.TempDir(), fmt.Sprintf(`
mp4: {max_duration: %s, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, file), 0, true)
	d := &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-26 * time.Hour).Truncate(time.Millisecond).UnixNano()}
	d.o.FPS, d.o.GOP, d.o.Channels = testpattern.Rate{Num: dayFPS, Den: 1}, 2*dayFPS, 1
	begin := d.utc
	d.connect(192, 108)
	d.send(2 * unit)
	d.leave(7 * time.Second)
	d.connect(192, 108)
	d.send(unit)
	d.describe(128, 96)
	d.send(unit)
	d.leave(4 * minute)
	d.connect(128, 96)
	d.send(2 * unit)
	if os.Getenv("SPOOL_DAY") != "" {
		d.send(24*time.Hour - time.Duration(d.utc-begin))
	}
	settled := d.utc - int64(8*time.Second)

	random := rand.New(rand.NewPCG(17, 17))
	known := segments{}
	var pinned []fetched // spans that end in the growing file
	for i := range spans {
		from := begin + random.Int64N(settled-begin)
		to := from + 1 + random.Int64N(int64(time.Minute))<<random.IntN(5)
		if i%7 == 0 {
			to = settled
		}
		if i%21 == 7 {
			from = max(begin, settled-random.Int64N(int64(time.Hour)))
		}
		to = min(to, settled)
		if len(d.expected(testpattern.VideoTrack, from, to)) == 0 {
			continue
		}
		f := d.check(from, to, []string{"cut", gapsKept}[i%2])
		if to > d.utc-int64(unit) && len(pinned) < 4 {
			pinned = append(pinned, f)
		}
		if i%others == 0 {
			gaps := []string{"cut", gapsKept}[i/others%2]
			d.playlist(known, from, to, gaps)
			d.exported(from, to, gaps)
			t.Logf("span %d: %v from %s", i, time.Duration(to-from).Round(time.Second), stamp(from))
		}
		if i%10 == 0 {
			decodes(t, f.body)
			if !slices.ContainsFunc(d.described, func(at int64) bool { return from < at && at < to }) { // ffmpeg 5.1 uses the first description of fragments
				d.fragmented(f)
			}
			for range 8 {
				at := random.IntN(len(f.body))
				d.ranges(f, at, min(at+1+random.IntN(200_000), len(f.body)))
			}
		}
	}
	whole := d.check(begin, settled, "cut")
	decodes(t, whole.body)
	d.clockShown(begin, settled, "cut")
	d.clockShown(begin, settled, gapsKept)
	d.split(begin, settled, whole)
	require.NotEmpty(t, pinned)
	d.leave(0)
	for _, f := range pinned {
		again := d.fetch(f.url + "&download=false") // another request, and so another plan
		require.Equal(t, f.header.Get("ETag"), again.header.Get("ETag"))
		require.True(t, bytes.Equal(f.body, again.body), "the bytes of a span do not change when its file is finished")
	}
}

// fragmented requests the same span as fragments, which must decode to the same pictures. ffmpeg ignores the edit lists of fragmented files, and
// so begins with the key frame before the span.
func (d *day) fragmented(f fetched) {
	d.t.Helper()
	other := d.fetch(f.url + "&format=fmp4")
	decodes(d.t, other.body)
	for boxes := isobmff.Walk(other.body); boxes.Next(); {
		require.EqualValues(d.t, 8, boxes.HeaderBytes, "VLC 3 reads no longer header in fragments")
	}
	want, got := pictures(d.t, f.body), pictures(d.t, other.body)
	require.GreaterOrEqual(d.t, len(got), len(want))
	require.Less(d.t, len(got), len(want)+d.o.GOP)
	require.Equal(d.t, want, got[len(got)-len(want):], f.url)
}

// pictures returns the hash of each decoded picture of a file.
func pictures(t *testing.T, b []byte) (hashes []string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "span.mp4")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-i", name, "-map", "0:v", "-fps_mode", "passthrough",
		"-vf", "scale=128:96:flags=neighbor", "-f", "framemd5", "-").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		if line[0] != '#' {
			hashes = append(hashes, line[strings.LastIndexByte(line, ' ')+1:])
		}
	}
	require.NotEmpty(t, hashes)
	return hashes
}

// ranges requests a range of a file.
func (d *day) ranges(f fetched, from, to int) {
	d.t.Helper()
	code, _, part := d.getWith(f.url, "Range", fmt.Sprintf("bytes=%d-%d", from, to-1), "If-Range", f.header.Get("ETag"))
	require.Equal(d.t, http.StatusPartialContent, code)
	require.True(d.t, bytes.Equal(f.body[from:to], part), "bytes %d to %d of %s", from, to, f.url)
}
