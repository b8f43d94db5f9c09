package hlscheck

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

// stored holds the files of a playlist by their names.
type stored map[string][]byte

var bandwidth = regexp.MustCompile("BANDWIDTH=[0-9]+")

// filmed returns a playlist that ffmpeg makes: index.m3u8, media.m3u8, init.mp4, and segments of 2 s from 0.mp4 to 2.mp4 with pictures
// and sound. keys.m3u8 has the key frames of the segments.
func filmed(t *testing.T) stored {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=6",
		"-f", "lavfi", "-i", "sine=duration=6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-sc_threshold", "0", "-c:a", "aac",
		"-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4", "-hls_flags", "independent_segments",
		"-master_pl_name", "index.m3u8", "-hls_segment_filename", "%d.mp4", "media.m3u8")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	s := stored{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, name := range names {
		s[filepath.Base(name)], err = os.ReadFile(name)
		require.NoError(t, err)
	}
	s["index.m3u8"] = bandwidth.ReplaceAll(s["index.m3u8"], []byte("BANDWIDTH=900000")) // ffmpeg tells that of the sound
	s["index.m3u8"] = append(s["index.m3u8"], "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.42c00b\",RESOLUTION=160x90,URI=\"keys.m3u8\"\n"...)
	s["keys.m3u8"] = []byte(strings.NewReplacer(
		"#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-I-FRAMES-ONLY",
		"0.mp4", "#EXT-X-BYTERANGE:20000@0\n0.mp4", "1.mp4", "#EXT-X-BYTERANGE:20000@0\n1.mp4", "2.mp4", "#EXT-X-BYTERANGE:20000@0\n2.mp4",
	).Replace(string(s["media.m3u8"])))
	return s
}

// change replaces a text of a playlist, once.
func (s stored) change(t *testing.T, name, old, now string) {
	t.Helper()
	require.Contains(t, string(s[name]), old)
	s[name] = []byte(strings.Replace(string(s[name]), old, now, 1))
}

// box returns the payload of the nth box, from 0, of a type among the boxes of a payload, and that type, to be changed in place.
func box(t *testing.T, payload []byte, fourcc string, n int) (inside, kind []byte) {
	t.Helper()
	for boxes := isobmff.Walk(payload); boxes.Next(); {
		if boxes.Is(fourcc) {
			if n == 0 {
				return boxes.Payload, payload[boxes.At+4:][:4]
			}
			n--
		}
	}
	require.Fail(t, "no such box", fourcc)
	return nil, nil
}

// within returns the same of a box in the nth track or fragment of a track, in a file.
func (s stored) within(t *testing.T, name string, n int, path ...string) (inside, kind []byte) {
	t.Helper()
	outer, each := "moof", "traf"
	if name == "init.mp4" {
		outer, each = "moov", "trak"
	}
	inside, _ = box(t, s[name], outer, 0)
	inside, kind = box(t, inside, each, n)
	for _, fourcc := range path {
		inside, kind = box(t, inside, fourcc, 0)
	}
	return inside, kind
}

// hide makes a box one of another type.
func (s stored) hide(t *testing.T, name string, n int, path ...string) {
	t.Helper()
	_, kind := s.within(t, name, n, path...)
	copy(kind, "free")
}

// shift moves the times of the nth track of a segment.
func (s stored) shift(t *testing.T, name string, n int, ticks int64) {
	t.Helper()
	tfdt, _ := s.within(t, name, n, "tfdt")
	binary.BigEndian.PutUint64(tfdt[4:], binary.BigEndian.Uint64(tfdt[4:])+uint64(ticks))
}

// faults checks the playlist.
func (s stored) faults(t *testing.T) []string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		w.Header().Set("Content-Type", map[string]string{".m3u8": "application/vnd.apple.mpegurl", ".mp4": "video/mp4"}[path.Ext(name)])
		if kind := s[name+" type"]; kind != nil {
			w.Header().Set("Content-Type", string(kind))
		}
		if s[name] == nil {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(s[name]))
	}))
	defer server.Close()
	p, err := Check(context.Background(), http.DefaultClient, server.URL+"/index.m3u8")
	if err != nil {
		return append(p.Faults, err.Error())
	}
	return p.Faults
}

// ticks are the units of a second of pictures in the files of ffmpeg.
const ticks = 12800

// mediaFaults lists changes of a right playlist and its files, and what each must be refused with. Empty: with nothing.
var mediaFaults = []struct {
	what string
	says string
	edit func(*testing.T, stored)
}{
	{"nothing", "", func(*testing.T, stored) {}},
	{"samples before the first table", "the initialisation segment has media", func(_ *testing.T, s stored) {
		s["init.mp4"] = append(s["init.mp4"], "\x00\x00\x00\x09mdat1"...)
	}},
	{"a moof in the initialisation segment", "the initialisation segment has media", func(_ *testing.T, s stored) {
		s["init.mp4"] = append(s["init.mp4"], "\x00\x00\x00\x08moof"...)
	}},
	{"no ftyp", "needs ftyp, moov and mvex", func(_ *testing.T, s stored) { copy(s["init.mp4"][4:], "free") }},
	{"no mvex", "needs ftyp, moov and mvex", func(t *testing.T, s stored) {
		moov, _ := box(t, s["init.mp4"], "moov", 0)
		_, kind := box(t, moov, "mvex", 0)
		copy(kind, "free")
	}},
	{"a cut initialisation segment", "needs ftyp, moov and mvex", func(_ *testing.T, s stored) { s["init.mp4"] = append(s["init.mp4"], 0, 0, 0, 9) }},
	{"a track without a header", "track 2 of the initialisation segment is not described", func(t *testing.T, s stored) { s.hide(t, "init.mp4", 1, "mdia", "mdhd") }},
	{"a track without a handler", "track 2 of the initialisation segment is not described", func(t *testing.T, s stored) { s.hide(t, "init.mp4", 1, "mdia", "hdlr") }},
	{"a track without descriptions", "track 2 of the initialisation segment is not described", func(t *testing.T, s stored) {
		s.hide(t, "init.mp4", 1, "mdia", "minf", "stbl", "stsd")
	}},
	{"no track", "has no track of pictures or sound", func(t *testing.T, s stored) {
		s.hide(t, "init.mp4", 1)
		s.hide(t, "init.mp4", 0)
	}},
	{"a sample in the tables", "track 1 of the initialisation segment has samples", func(t *testing.T, s stored) {
		stsz, _ := s.within(t, "init.mp4", 0, "mdia", "minf", "stbl", "stsz")
		stsz[7], stsz[11] = 1, 1 // one sample of one byte
	}},
	{"a segment that is text", `the Content-Type of the segment is "text/plain"`, func(_ *testing.T, s stored) { s["1.mp4 type"] = []byte("text/plain") }},
	{"a playlist that is text", `its Content-Type is "text/plain"`, func(_ *testing.T, s stored) { s["media.m3u8 type"] = []byte("text/plain") }},
	{"media before its moof", "the segment has an mdat before its moof", func(_ *testing.T, s stored) {
		s["1.mp4"] = append([]byte("\x00\x00\x00\x09mdat1"), s["1.mp4"]...)
	}},
	{"a range before the fragment", "the range of the key frame has no moof", func(t *testing.T, s stored) { s.change(t, "keys.m3u8", "20000@0", "24@0") }},
	{"a range that ends within the key frame", "the range has no whole key frame", func(t *testing.T, s stored) { s.change(t, "keys.m3u8", "20000@0", "2000@0") }},
	{"a range with another picture", "the range has no whole key frame", notSync},
	{"a picture that is no key frame", "each segment must begin with a key frame", notSync},
	{"a segment without a fragment", "the segment does not consist of whole fragments", func(_ *testing.T, s stored) { s["1.mp4"] = []byte("\x00\x00\x00\x09mdat1") }},
	{"a cut segment", "the segment does not consist of whole fragments", func(_ *testing.T, s stored) { s["1.mp4"] = s["1.mp4"][:len(s["1.mp4"])-1] }},
	{"a cut segment", "samples of track 2 lie behind the end of the segment", func(_ *testing.T, s stored) { s["1.mp4"] = s["1.mp4"][:len(s["1.mp4"])-1] }},
	{"an unknown track", "a fragment needs a track of the initialisation segment", func(t *testing.T, s stored) {
		tfhd, _ := s.within(t, "1.mp4", 1, "tfhd")
		tfhd[7] = 9
	}},
	{"no time", "a fragment needs a track of the initialisation segment, tfdt", func(t *testing.T, s stored) { s.hide(t, "1.mp4", 1, "tfdt") }},
	{"no run", "a fragment needs a track of the initialisation segment, tfdt, trun", func(t *testing.T, s stored) { s.hide(t, "1.mp4", 1, "trun") }},
	{"offsets from the begin of a file", "and the base of its moof", func(t *testing.T, s stored) {
		tfhd, _ := s.within(t, "1.mp4", 1, "tfhd")
		tfhd[1] &^= isobmff.TfhdBaseIsMoof >> 16
	}},
	{"samples of another place", "samples of track 1 lie behind the end of the segment", func(t *testing.T, s stored) {
		trun, _ := s.within(t, "1.mp4", 0, "trun")
		binary.BigEndian.PutUint32(trun[8:], uint32(len(s["1.mp4"])))
	}},
	{"another codec", `lacks the "mp4a" of track 2`, func(t *testing.T, s stored) { s.change(t, "index.m3u8", ",mp4a.40.2", "") }},
	{"pictures without a size", "a variant with pictures needs RESOLUTION", func(t *testing.T, s stored) { s.change(t, "index.m3u8", ",RESOLUTION=160x90", "") }},
	{"a segment without pictures", "the segment has no media of its first track", func(t *testing.T, s stored) { s.hide(t, "1.mp4", 0) }},
	{"a short EXTINF", "EXTINF is 1s, and the media lasts 2s", func(t *testing.T, s stored) { s.change(t, "media.m3u8", "EXTINF:2.000000", "EXTINF:1") }},
	{"a long EXTINF", "EXTINF is 2.4s, and the media lasts 2s", func(t *testing.T, s stored) { s.change(t, "media.m3u8", "EXTINF:2.000000", "EXTINF:2.4") }},
	{"an EXTINF within a frame", "", func(t *testing.T, s stored) { s.change(t, "media.m3u8", "EXTINF:2.000000", "EXTINF:2.04") }},
	{"a low BANDWIDTH", "more than BANDWIDTH 20000", func(t *testing.T, s stored) {
		s.change(t, "index.m3u8", "BANDWIDTH=900000", "BANDWIDTH=20000")
	}},
	{"another initialisation segment", "the tracks change without EXT-X-DISCONTINUITY", another("#EXT-X-MAP:URI=\"other.mp4\"\n")},
	{"another one with a discontinuity", "", another(dated + "#EXT-X-MAP:URI=\"other.mp4\"\n")},
	{"a jump of the pictures", "the times of track 1 jump by 1s without EXT-X-DISCONTINUITY", func(t *testing.T, s stored) { s.shift(t, "1.mp4", 0, ticks) }},
	{"a jump of the sound", "the times of track 2 jump by 1s without EXT-X-DISCONTINUITY", func(t *testing.T, s stored) { s.shift(t, "1.mp4", 1, 44100) }},
	{"a jump back", "the times of track 1 jump by -20ms without EXT-X-DISCONTINUITY", func(t *testing.T, s stored) { s.shift(t, "1.mp4", 0, -ticks/50) }},
	{"a jump back with a discontinuity", "", func(t *testing.T, s stored) {
		s.shift(t, "2.mp4", 0, -ticks)
		s.shift(t, "2.mp4", 1, -44100)
		s.change(t, "media.m3u8", "#EXTINF:2.000000,\n2.mp4", dated+"#EXTINF:2,\n2.mp4")
	}},
	{"a segment that is missing", "404", func(_ *testing.T, s stored) { delete(s, "1.mp4") }},
	{"a range behind the end", "bytes from 89000 on are asked for", func(t *testing.T, s stored) {
		s.change(t, "media.m3u8", "#EXTINF:2.000000,\n0.mp4", "#EXT-X-BYTERANGE:100000@89000\n#EXTINF:2,\n0.mp4")
	}},
	{"an invalid range of EXT-X-MAP", "BYTERANGE \"x\" is invalid", func(t *testing.T, s stored) { s.change(t, "media.m3u8", `"init.mp4"`, `"init.mp4",BYTERANGE="x"`) }},
	{"a URI without a variant", "a URI without EXT-X-STREAM-INF", func(_ *testing.T, s stored) { s["index.m3u8"] = append(s["index.m3u8"], "media.m3u8\n"...) }},
	{"a variant without a URI", "EXT-X-STREAM-INF must be followed by a URI", func(t *testing.T, s stored) { s.change(t, "index.m3u8", "media.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS") }},
	{"an invalid FRAME-RATE", `FRAME-RATE "25fps" is invalid`, func(t *testing.T, s stored) { s.change(t, "index.m3u8", "RESOLUTION", "FRAME-RATE=25fps,RESOLUTION") }},
	{"no TIME-OFFSET", "TIME-OFFSET is needed", func(t *testing.T, s stored) {
		s.change(t, "media.m3u8", "#EXT-X-MAP", "#EXT-X-START:PRECISE=YES\n#EXT-X-MAP")
	}},
}

// dated begins a segment that does not go on where the one before ends.
const dated = "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-03-04T05:07:07.000Z\n"

// notSync makes the first picture of the second segment one that is no sync sample.
func notSync(t *testing.T, s stored) {
	trun, _ := s.within(t, "1.mp4", 0, "trun")
	require.EqualValues(t, isobmff.TrunDataOffset|isobmff.TrunSize|isobmff.TrunFlags, binary.BigEndian.Uint32(trun))
	binary.BigEndian.PutUint32(trun[16:], isobmff.NonSyncFlags) // behind its size
}

// another gives the third segment an initialisation segment of its own, whose time base differs.
func another(tags string) func(*testing.T, stored) {
	return func(t *testing.T, s stored) {
		copied := stored{"init.mp4": slices.Clone(s["init.mp4"])}
		mdhd, _ := copied.within(t, "init.mp4", 1, "mdia", "mdhd")
		binary.BigEndian.PutUint32(mdhd[12:], 44101)
		s["other.mp4"] = copied["init.mp4"]
		s.change(t, "media.m3u8", "#EXTINF:2.000000,\n2.mp4", tags+"#EXTINF:2,\n2.mp4")
	}
}

// Each rule of the media refuses a playlist or a segment that breaks it, and only those.
func TestEachViolationOfTheMediaIsFound(t *testing.T) {
	film := filmed(t)
	for _, c := range mediaFaults {
		t.Run(c.what, func(t *testing.T) {
			changed := stored{}
			for name, b := range maps.All(film) {
				changed[name] = slices.Clone(b)
			}
			c.edit(t, changed)
			found := changed.faults(t)
			if c.says == "" {
				require.Empty(t, found)
				return
			}
			require.Contains(t, strings.Join(found, "\n"), c.says)
		})
	}
}
