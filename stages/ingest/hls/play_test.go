package hls_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// Each packet of a playlist is recorded once, with its time to the millisecond, in each form of playlist.
func TestPlaylistsAreRecordedByteForByte(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	h265, want265 := source(t, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=2:keyint=25", "-tag:v", "hvc1")
	mp3, wantMP3 := source(t, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "libmp3lame", "-b:a", "128k")
	key := t.TempDir()
	require.NoError(t, os.WriteFile(key+"/secret", []byte("0123456789abcdef"), 0o600))
	require.NoError(t, os.WriteFile(key+"/info", []byte("secret\n"+key+"/secret\n"), 0o600))
	split := []string{"-map", "0:v", "-map", "0:a", "-var_stream_map", "v:0,agroup:s a:0,agroup:s,default:yes", "-master_pl_name", "index.m3u8"}
	for name, c := range map[string]struct {
		dir  string
		want [][]unit
		args []string
		more func(t *testing.T, s *server)
	}{
		"MPEG-TS":                  {dir, want, nil, nil},
		"counters that begin anew": {dir, want, nil, func(t *testing.T, s *server) { recount(s.files) }},
		"fragments":                {dir, want, []string{"-hls_segment_type", "fmp4"}, nil},
		"fragments, H.265":         {h265, want265, []string{"-hls_segment_type", "fmp4"}, nil},
		"ranges of bytes":          {dir, want, []string{"-hls_flags", "single_file"}, nil},
		"ranges of fragments":      {dir, want, []string{"-hls_flags", "single_file", "-hls_segment_type", "fmp4"}, nil},
		"encrypted":                {dir, want, []string{"-hls_key_info_file", key + "/info"}, func(t *testing.T, s *server) { s.files["/secret"] = []byte("0123456789abcdef") }},
		"sound apart":              {dir, want, split, nil},
		"fragments, sound apart": {dir, want, append([]string{"-hls_segment_type", "fmp4"}, split...), func(t *testing.T, s *server) {
			s.change(t, "/index.m3u8", "#EXT-X-STREAM-INF", "#EXT-X-STREAM-INF:BANDWIDTH=99999999,CODECS=\"dvh1.05.06\"\nunknown.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsmall.m3u8\n#EXT-X-STREAM-INF")
		}},
		"packed audio apart": {dir, want, split, func(t *testing.T, s *server) { packed(t, s, dir, "adts", adtsBytes) }},
		"packed MP3 apart":   {mp3, wantMP3, split, func(t *testing.T, s *server) { packed(t, s, mp3, "mp3", mp3Bytes) }},
		"a redirect": {dir, want, nil, func(t *testing.T, s *server) {
			files := map[string][]byte{}
			for name, data := range s.files {
				files["/elsewhere"+name] = data
			}
			s.files = files
			s.handlers["/index.m3u8"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere/index.m3u8", http.StatusFound)
			}
		}},
		"variables": {dir, want, nil, func(t *testing.T, s *server) {
			s.handlers["/index.m3u8"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/master.m3u8?ending=m3u8", http.StatusFound)
			}
			s.files["/list.m3u8"] = []byte(strings.Replace(strings.ReplaceAll(string(s.files["/index.m3u8"]), "index", "{$base}"), "#EXTINF", "#EXT-X-DEFINE:IMPORT=\"base\"\n#EXTINF", 1))
			s.files["/master.m3u8"] = []byte("#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"ending\"\n#EXT-X-DEFINE:NAME=\"base\",VALUE=\"index\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.{$ending}\n")
		}},
		"a connection that fails": {dir, want, nil, func(t *testing.T, s *server) {
			name := "/index1.ts"
			data, failed := s.files[name], false
			s.handlers[name] = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				if failed {
					_, _ = w.Write(data)
					return
				}
				failed = true
				_, _ = w.Write(data[:len(data)/2])
			}
		}},
		"a server that is away for a while": {dir, want, nil, func(t *testing.T, s *server) {
			name, tries := "/index1.ts", 0
			s.handlers[name] = func(w http.ResponseWriter, r *http.Request) {
				if tries++; tries <= 4 {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				_, _ = w.Write(s.files[name])
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if slices.Contains(args, "-var_stream_map") {
				args = append(slices.Clone(args), "-hls_segment_filename", "s%v_%d.seg")
			}
			s := newServer(t)
			out := t.TempDir()
			target := "index.m3u8"
			if len(args) != len(c.args) {
				target = "list%v.m3u8"
			}
			ffmpeg(t, out, append(append([]string{"-i", filepath.Join(c.dir, "source.mp4"), "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0"}, args...), target)...)
			s.add(t, out)
			if c.more != nil {
				c.more(t, s)
			}
			f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8"})
			got := f.end()
			require.Empty(t, got.losses)
			require.Empty(t, got.gaps)
			require.Len(t, got.sets, 1)
			requireSource(t, c.want, got)
			require.NotContains(t, f.book.String(), "level=WARN")
		})
	}
}

// recount makes the counters of the packets begin anew in each segment.
func recount(files map[string][]byte) {
	for name, data := range files {
		if !strings.HasSuffix(name, ".ts") {
			continue
		}
		counters := map[uint16]byte{}
		for p := range slices.Chunk(data, 188) {
			pid := binary.BigEndian.Uint16(p[1:]) & 0x1fff
			if p[3]&0x10 != 0 { // it has a payload
				p[3] = p[3]&0xf0 | counters[pid]&0xf
				counters[pid]++
			}
		}
	}
}

// adtsBytes returns the size of the first frame.
func adtsBytes(data []byte) int { return int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5])>>5 }

// mp3Bytes returns the size of the first frame, of MPEG-1, 128 kbit/s and 48 kHz.
func mp3Bytes([]byte) int { return 144 * 128000 / 48000 }

// packed replaces the segments of the sound by frames of a format without a container behind a tag.
func packed(t *testing.T, s *server, dir, format string, size func(data []byte) int) {
	out := t.TempDir()
	more := map[string][]string{"mp3": {"-write_xing", "0", "-id3v2_version", "0"}}[format]
	ffmpeg(t, out, append(append([]string{"-i", filepath.Join(dir, "source.mp4"), "-map", "0:a", "-c", "copy"}, more...), "-f", format, "sound")...)
	data, err := os.ReadFile(out + "/sound")
	require.NoError(t, err)
	sound := probed(t, filepath.Join(dir, "source.mp4"), "a:0")
	var frames [][]byte
	for len(data) > 0 {
		n := size(data)
		frames, data = append(frames, data[:n]), data[n:]
	}
	require.Len(t, frames, len(sound))
	list := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
	video := probed(t, dir+"/source.mp4", "v:0")
	for i := 0; i < len(frames); i += 40 {
		ticks := uint64((sound[i].pts-video[0].pts)*90000 + 90000*1.48 + 0.5) // ffmpeg's pictures begin there
		body := append([]byte("com.apple.streaming.transportStreamTimestamp\x00"), binary.BigEndian.AppendUint64(nil, ticks)...)
		tag := append([]byte{'P', 'R', 'I', 'V', 0, 0, 0, byte(len(body)), 0, 0}, body...)
		tag = append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, byte(len(tag))}, tag...)
		name := fmt.Sprintf("p%d.aac", i)
		s.files["/"+name] = append(tag, bytes.Join(frames[i:min(i+40, len(frames))], nil)...)
		list += "#EXTINF:0.85333,\n" + name + "\n"
	}
	s.files["/list1.m3u8"] = []byte(list + "#EXT-X-ENDLIST\n")
}

// Segments that are missing are counted, and the others have their times.
func TestMissingSegmentsAreCounted(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	for name, c := range map[string]struct {
		args []string
		more func(t *testing.T, s *server)
		logs string
	}{
		"not found":          {nil, func(t *testing.T, s *server) { delete(s.files, "/index1.ts") }, "404"},
		"a gap":              {nil, func(t *testing.T, s *server) { s.change(t, "/index.m3u8", "index1.ts", "#EXT-X-GAP\nindex1.ts") }, ""},
		"a gap in fragments": {[]string{"-hls_segment_type", "fmp4"}, func(t *testing.T, s *server) { s.change(t, "/index.m3u8", "index1.m4s", "#EXT-X-GAP\nindex1.m4s") }, ""},
		"damaged fragments":  {[]string{"-hls_segment_type", "fmp4"}, func(t *testing.T, s *server) { s.files["/index1.m4s"] = s.files["/index1.m4s"][:2000] }, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.add(t, segmented(t, dir, c.args...))
			c.more(t, s)
			f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8?token=s3cret"})
			got := f.end()
			require.Equal(t, map[string]uint64{media.DropHLSLoss: 1}, got.losses)
			require.NotEmpty(t, got.gaps)
			for _, g := range got.gaps {
				require.Equal(t, media.Cause(media.DropHLSLoss), g.Cause)
			}
			require.Len(t, got.units[0], 50)
			kept := slices.Concat(want[0][:25], want[0][50:])
			for i, w := range kept {
				require.Equal(t, w.hash, got.units[0][i].hash)
				require.InDelta(t, w.pts-want[0][0].pts, got.units[0][i].pts-got.units[0][0].pts, 0.001)
			}
			f.fails(c.logs)
		})
	}
}

// Behind a discontinuity times begin anew, and the media goes on without a break.
func TestTheMediaGoesOnBehindADiscontinuity(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	for name, args := range map[string][]string{"MPEG-TS": nil, "fragments": {"-hls_segment_type", "fmp4"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, tag := range map[string]string{"a discontinuity": "#EXT-X-DISCONTINUITY\n", "a jump that is not announced": ""} {
				if name == "fragments" && tag == "" {
					continue // the times of both are alike
				}
				s := newServer(t)
				s.add(t, segmented(t, dir, args...))
				later := segmented(t, dir, append([]string{"-output_ts_offset", "2000"}, args...)...)
				list := strings.TrimSuffix(string(s.files["/index.m3u8"]), "#EXT-X-ENDLIST\n")
				more, err := os.ReadFile(later + "/index.m3u8")
				require.NoError(t, err)
				body := string(more)
				at := strings.Index(body, "#EXTINF")
				if m := strings.Index(body, "#EXT-X-MAP"); m >= 0 {
					at = m
				}
				body = strings.NewReplacer("index", "later/index", "init.mp4", "later/init.mp4").Replace(body[at:])
				s.files["/index.m3u8"] = []byte(list + tag + body)
				names, err := filepath.Glob(later + "/*")
				require.NoError(t, err)
				for _, n := range names {
					s.files["/later/"+filepath.Base(n)], err = os.ReadFile(n)
					require.NoError(t, err)
				}
				f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8"})
				got := f.end()
				require.Len(t, got.sets, 1)
				if tag == "" { // what was read of one track before the other one jumps may be left out
					require.Less(t, len(got.losses), 2)
					for track := range want {
						all, tail := got.units[track], len(want[track])-10
						require.Equal(t, want[track][10].hash, all[len(all)-tail].hash)
						got.units[track] = all[len(all)-tail:]
					}
					requireSource(t, [][]unit{want[0][10:], want[1][10:]}, got)
					continue
				}
				require.Empty(t, got.losses, what)
				require.Empty(t, got.gaps, what)
				n := len(want[0])
				require.Len(t, got.units[0], 2*n, what)
				require.Len(t, got.units[1], 2*len(want[1]), what)
				requireSource(t, want, recorded{units: [][]unit{got.units[0][:n], got.units[1][:len(want[1])]}})
				requireSource(t, want, recorded{units: [][]unit{got.units[0][n:], got.units[1][len(want[1]):]}})
				require.InDelta(t, seconds, got.units[0][n].dts-got.units[0][0].dts, 0.2, what)
			}
		})
	}
}

// Tracks that change begin another set.
func TestTracksMayChangeBehindADiscontinuity(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	other, _ := source(t, "-c:v", "libx264", "-preset", "ultrafast", "-vf", "scale=320:240")
	s := newServer(t)
	s.add(t, segmented(t, dir))
	list := string(s.files["/index.m3u8"])
	out := segmented(t, other)
	first, err := os.ReadFile(out + "/index0.ts")
	require.NoError(t, err)
	s.files["/other.ts"] = first
	s.files["/index.m3u8"] = []byte(strings.Replace(list, "#EXT-X-ENDLIST", "#EXT-X-DISCONTINUITY\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST", 1))
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8"})
	got := f.end()
	require.Len(t, got.sets, 2)
	require.Equal(t, 160, got.sets[0].Tracks[0].Width)
	require.Equal(t, 320, got.sets[1].Tracks[0].Width)
	require.Len(t, got.units[0], len(want[0])+25)
}

// Each change of the tracks begins a file. A stream that changes them in each segment is delayed, also beyond the end of a pull.
func TestTracksChangeOnceASecond(t *testing.T) {
	t.Parallel()
	args := func(size string) []string {
		return []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", "1", "-vf", "scale=" + size}
	}
	one, _ := source(t, args("160:120")...)
	two, _ := source(t, args("320:240")...)
	s := newServer(t)
	for i, dir := range []string{one, two} {
		out := segmented(t, dir, "-hls_time", "0.01", "-hls_segment_type", "fmp4", "-an")
		for _, name := range []string{"init.mp4", "index0.m4s"} {
			b, err := os.ReadFile(filepath.Join(out, name))
			require.NoError(t, err)
			s.files[fmt.Sprintf("/%d/%s", i, name)] = b
		}
	}
	const changes = 30
	list := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	for i := range changes {
		list += fmt.Sprintf("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"/%d/init.mp4\"\n#EXTINF:0.04,\n/%[1]d/index0.m4s\n", i%2)
	}
	s.files["/index.m3u8"] = []byte(list + strings.Repeat("#EXTINF:0.04,\n/none\n", 5) + "#EXT-X-ENDLIST\n") // which fails, and is pulled again
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8"})
	f.fails("the stream changes its tracks more than once a second, and each change begins a file: the stream is delayed")
	require.GreaterOrEqual(t, s.asked("/index.m3u8"), 2)
	info, _ := f.hub.Info(path)
	require.Equal(t, uint64(50), info.AccessUnits, "a picture of each change")
}

// What is refused says why.
func TestPlaylistsThatAreRefused(t *testing.T) {
	t.Parallel()
	head := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	for name, c := range map[string]struct{ list, says string }{
		"SAMPLE-AES":      {head + "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n", "METHOD=\\\"SAMPLE-AES\\\", which is not supported"},
		"another scheme":  {head + "#EXTINF:1,\nftp://h/x\n" + strings.Repeat("#EXTINF:1,\nfile:///etc/passwd\n", 4) + "#EXT-X-ENDLIST\n", "file:… is not followed"},
		"a page":          {head + "#EXTINF:1,\npage\n#EXT-X-ENDLIST\n", "only MPEG-TS, fragmented MP4, and packed AAC and MP3 can be read"},
		"no such key":     {head + "#EXT-X-KEY:METHOD=AES-128,URI=\"long\"\n" + strings.Repeat("#EXTINF:1,\na.ts\n", 5) + "#EXT-X-ENDLIST\n", "it has more than 16 bytes"},
		"codecs":          {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"dvh1.05\"\na\n", "no variant has codecs that can be recorded: it has \\\"dvh1.05\\\""},
		"no playlist":     {"#EXTM3U\nx\n", "line 2: a URI without EXTINF"},
		"too long":        {head + strings.Repeat("#", 4<<20), "the playlist has more than 4 MiB"},
		"loop of masters": {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8?token=s3cret\n", "it is no media playlist"},
		"nothing new":     {head + "#EXTINF:1,\na.ts\n", "has had no new segment for 4s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.files["/index.m3u8"] = []byte(c.list)
			null := append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...)
			s.files["/a.ts"], s.files["/page"], s.files["/long"] = bytes.Repeat(null, 10), []byte("<html>"+strings.Repeat("x", 2000)), make([]byte, 17)
			f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8?token=s3cret", ReadTimeout: 2 * time.Second})
			f.fails(c.says)
		})
	}
}

// The password of the pull URL goes to its host alone, also if a playlist names another one.
func TestAPlaylistTakesNoPasswordToAnotherHost(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	out := segmented(t, dir)
	other, s := newServer(t), newServer(t)
	other.add(t, out)
	s.add(t, out)
	other.handlers["/index1.ts"] = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			_, _ = w.Write(other.files["/index1.ts"])
		}
	}
	s.handlers["/index2.ts"] = func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password == "s3cret" {
			_, _ = w.Write(s.files["/index2.ts"])
		}
	}
	s.change(t, "/index.m3u8", "index1.ts", other.URL+"/index1.ts")
	f := newFixture(t, hub.StreamConfig{Pull: strings.Replace(s.URL, "//", "//u:s3cret@", 1) + "/index.m3u8"})
	got := f.end()
	require.Empty(t, got.losses)
	requireSource(t, want, got)
}
