package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// copied is a packet of a file, as ffmpeg reads it. Its times are in seconds.
type copied struct {
	hash     string
	pts, dts float64
}

// without holds the filters of ffmpeg that leave out what a transport stream repeats, by codec: parameter sets, delimiters
// and headers.
var without = map[string]string{
	"libx264": "h264_mp4toannexb,filter_units=remove_types=7-9",
	"libx265": "hevc_mp4toannexb,filter_units=remove_types=32-35",
	"mpeg4":   "dump_extra=freq=keyframe",
	"aac":     "aac_adtstoasc",
}

// packetsOf returns the packets of each track of a file, which has tracks of these encoders, pictures first. The times are
// those after the first one of the first track.
func packetsOf(t *testing.T, path string, encoders ...string) [][]copied {
	t.Helper()
	args := []string{"-v", "error", "-copyts", "-i", path, "-map", "0", "-c", "copy"}
	for i, encoder := range encoders {
		if filter := without[encoder]; filter != "" && (encoder != "mpeg4" || filepath.Ext(path) != ".ts") {
			args = append(args, fmt.Sprint("-bsf:", i), filter)
		}
	}
	cmd := exec.Command("ffmpeg", append(args, "-f", "framemd5", "-")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &said)
	require.Empty(t, said.String(), path)
	tracks, rates := make([][]copied, len(encoders)), make([]float64, len(encoders))
	for line := range strings.Lines(string(out)) {
		var number, rate int
		if n, _ := fmt.Sscanf(line, "#tb %d: 1/%d", &number, &rate); n == 2 {
			require.Less(t, number, len(encoders), path)
			rates[number] = float64(rate)
		}
		if line[0] == '#' {
			continue
		}
		var p copied
		var dts, pts, duration, size int64
		_, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%d %d %d %d %d %s", &number, &dts, &pts, &duration, &size, &p.hash)
		require.NoError(t, err, line)
		p.pts, p.dts = float64(pts)/rates[number], float64(dts)/rates[number]
		tracks[number] = append(tracks[number], p)
	}
	for i := range tracks {
		require.NotEmpty(t, tracks[i], "%s has no track %d", path, i)
	}
	first := tracks[0][0].pts
	for i := range tracks {
		for k := range tracks[i] {
			tracks[i][k].pts -= first
			tracks[i][k].dts -= first
		}
	}
	return tracks
}

// requireSame checks that two files have the same packets, with times that differ by no more than a tolerance.
func requireSame(t *testing.T, want, got [][]copied, tolerance float64, msg string) {
	t.Helper()
	for i := range want {
		require.Len(t, got[i], len(want[i]), "%s: track %d", msg, i)
		for k, w := range want[i] {
			g := got[i][k]
			require.Equal(t, w.hash, g.hash, "%s: track %d, packet %d", msg, i, k)
			require.InDelta(t, w.pts, g.pts, tolerance, "%s: track %d, packet %d: time", msg, i, k)
			require.InDelta(t, w.dts, g.dts, tolerance, "%s: track %d, packet %d: decoding time", msg, i, k)
		}
	}
}

// encoded makes a file of tracks that ffmpeg encodes.
func encoded(t *testing.T, path string, args ...string) {
	t.Helper()
	base := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30000/1001:duration=2",
		"-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2", "-pix_fmt", "yuv420p", "-ac", "2"}
	out, err := exec.Command("ffmpeg", append(append(base, args...), path)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// remuxed copies a file, and requires that nothing is said on stderr.
func remuxed(t *testing.T, args ...string) {
	t.Helper()
	code, stdout, stderr := remuxFile(t, args...)
	require.Zero(t, code, stderr)
	require.Empty(t, stderr)
	require.Contains(t, stdout, args[len(args)-1]+": ")
}

// tick is the tolerance of a time that was rounded to 90 kHz once, and ms that of the times of sound.
const (
	tick = 0.6 / 90000
	ms   = 0.001
)

// Each packet of each codec goes from MP4 to MPEG-TS, to MP4 and fragmented MP4, and to MPEG-TS again, with its times.
func TestRemuxGoesThroughEveryContainer(t *testing.T) {
	for name, encoders := range map[string][]string{
		"H.264 with B-frames, AAC":           {"libx264", "aac"},
		"H.265 with B-frames, Opus":          {"libx265", "libopus"},
		"MPEG-4 part 2 with B-frames, MP3":   {"mpeg4", "libmp3lame"},
		"H.264 with AC-3 and another E-AC-3": {"libx264", "ac3", "eac3"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in := filepath.Join(dir, "in.mp4")
			args := []string{"-c:v", encoders[0], "-bf", "2", "-g", "30", "-map", "0:v"}
			if encoders[0] == "libx265" {
				args = append(args, "-x265-params", "log-level=none:bframes=2:keyint=30:info=0", "-tag:v", "hvc1")
			} else if encoders[0] == "libx264" {
				args = append(args, "-preset", "veryfast")
			}
			for i, e := range encoders[1:] {
				args = append(args, "-map", "1:a", fmt.Sprintf("-c:a:%d", i), e)
			}
			encoded(t, in, args...)
			want := packetsOf(t, in, encoders...)
			from := in
			for _, step := range [][]string{{"a.ts"}, {"b.mp4"}, {"c.mts"}, {"--fragment", "d.mp4"}, {"e.ts"}} {
				to := filepath.Join(dir, step[len(step)-1])
				remuxed(t, append(step[:len(step)-1:len(step)-1], from, to)...)
				tolerance := ms
				if step[0] == "a.ts" {
					tolerance = tick
				}
				if filepath.Ext(to) != ".mts" { // the same as a.ts
					requireSame(t, want, packetsOf(t, to, encoders...), tolerance, step[len(step)-1])
				}
				from = to
			}
			same := [2][]byte{}
			for i, f := range []string{"a.ts", "e.ts"} {
				b, err := os.ReadFile(filepath.Join(dir, f))
				require.NoError(t, err)
				same[i] = b
			}
			require.Len(t, same[1], len(same[0]))
			ts := filepath.Join(dir, "a.ts")
			out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", ts, "-map", "0", "-f", "null", "-").CombinedOutput()
			require.NoError(t, err)
			require.Empty(t, string(out), "ffmpeg decodes it")
			requireGStreamer(t, ts)
		})
	}
}

// requireGStreamer checks that the demuxer of GStreamer reads a transport stream to its end without a complaint.
func requireGStreamer(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command("gst-launch-1.0", "filesrc", "location="+path, "!", "tsparse", "!", "tsdemux", "name=d", "!", "fakesink")
	cmd.Env = append(os.Environ(), "GST_DEBUG=*mpegts*:2,tsdemux:2", "GST_DEBUG_NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "WARN")
	require.NotContains(t, string(out), "ERROR")
}

// What ffmpeg muxes keeps its packets, and its times to the tick.
func TestRemuxReadsTransportStreamsOfFFmpeg(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in") // the content decides
	encoders := []string{"libx264", "aac"}
	encoded(t, in, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-c:a", "aac", "-output_ts_offset", "95442.7", "-muxdelay", "0", "-f", "mpegts")
	want := packetsOf(t, in, encoders...) // 95443.7 s are 33 bits
	for i := range want {                 // ffmpeg lets its own times begin again
		require.NotEmpty(t, want[i])
	}
	ts, mp4 := filepath.Join(dir, "out.ts"), filepath.Join(dir, "out.mp4")
	remuxed(t, in, ts)
	remuxed(t, in, mp4)
	require.Less(t, want[0][0].pts, want[0][len(want[0])-1].pts)
	requireSame(t, want, packetsOf(t, ts, encoders...), ms, "MPEG-TS")
	requireSame(t, want[:1], packetsOf(t, ts, encoders...)[:1], tick, "the pictures in MPEG-TS")
	requireSame(t, want, packetsOf(t, mp4, encoders...), ms, "MP4")
	requireSame(t, want[:1], packetsOf(t, mp4, encoders...)[:1], tick, "the pictures in MP4")
}

// Sound that begins before the first picture is kept.
func TestRemuxKeepsEarlySound(t *testing.T) {
	dir := t.TempDir()
	in, out, encoders := filepath.Join(dir, "in.ts"), filepath.Join(dir, "out.mp4"), []string{"libx264", "aac"}
	text, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-itsoffset", "1.5", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=2",
		"-f", "lavfi", "-i", "sine=sample_rate=48000:duration=4", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", in).CombinedOutput()
	require.NoError(t, err, "%s", text)
	want := packetsOf(t, in, encoders...)
	require.Less(t, want[1][0].pts, -1.4)
	remuxed(t, in, out)
	requireSame(t, want, packetsOf(t, out, encoders...), ms, "MP4")
}

// A file that is cut off anywhere is read up to there. What is missing is said.
func TestRemuxOfATransportStreamThatIsCutOff(t *testing.T) {
	dir := t.TempDir()
	whole, cut := filepath.Join(dir, "in.ts"), filepath.Join(dir, "cut.ts")
	encoders := []string{"libx264", "aac"}
	encoded(t, whole, "-t", "2", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "10", "-c:a", "aac")
	want := packetsOf(t, whole, encoders...)
	b, err := os.ReadFile(whole)
	require.NoError(t, err)
	between := 0 // a packet with which a PES packet of pictures begins, in the second half
	for at := len(b) / 2 / 188 * 188; between == 0; at += 188 {
		if binary.BigEndian.Uint16(b[at+1:])&0x5fff == 0x4100 {
			between = at
		}
	}
	for i, n := range []int{len(b) - 1, len(b) - 188, between + 188, between + 77, between + 2*188, 188*100 + 3} {
		require.NoError(t, os.WriteFile(cut, b[:n], 0o600))
		out := filepath.Join(dir, fmt.Sprint(i, ".mp4"))
		code, _, stderr := remuxFile(t, cut, out)
		require.Zero(t, code, stderr)
		require.NotEmpty(t, stderr, "%d of %d bytes", n, len(b))
		got := packetsOf(t, out, encoders...)
		require.LessOrEqual(t, len(got[0]), len(want[0]))
		for track := range got {
			last := len(got[track]) - 1 // of pictures, may be incomplete, which stderr says
			requireSame(t, [][]copied{want[track][:last]}, [][]copied{got[track][:last]}, ms, fmt.Sprint(n, " bytes"))
		}
	}
}

// Streams without media that can be read are errors that name the cause, and leave no file.
func TestRemuxOfTransportStreamsWithoutMedia(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.ts")
	encoded(t, in, "-t", "1", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac")
	whole, err := os.ReadFile(in)
	require.NoError(t, err)
	// change returns the stream with packets that change edits; without those for which it returns false.
	change := func(edit func(pid uint16, p []byte) bool) (out []byte) {
		b := bytes.Clone(whole)
		for ; len(b) > 0; b = b[188:] {
			if edit(binary.BigEndian.Uint16(b[1:])&0x1fff, b[:188]) {
				out = append(out, b[:188]...)
			}
		}
		return out
	}
	mpeg2 := filepath.Join(dir, "mpeg2.ts")
	encoded(t, mpeg2, "-t", "1", "-map", "0:v", "-c:v", "mpeg2video")
	other, err := os.ReadFile(mpeg2)
	require.NoError(t, err)
	require.NoError(t, os.Remove(mpeg2))
	for want, b := range map[string][]byte{
		"no list of programs":         change(func(pid uint16, _ []byte) bool { return pid != 0 }),
		"no description of a program": change(func(pid uint16, _ []byte) bool { return pid != 0x1000 }),
		"it is scrambled":             change(func(pid uint16, p []byte) bool { p[3] |= p[3] & 0x10 << 3 & byte(int(pid&0x100)>>1); return true }),
		"mpeg2video":                  other,
		"no media that can be read":   change(func(pid uint16, _ []byte) bool { return pid < 0x100 || pid >= 0x1000 }),
	} {
		require.NoError(t, os.WriteFile(in, b, 0o600))
		code, stdout, stderr := remuxFile(t, in, filepath.Join(dir, "out.mp4"))
		require.Equal(t, exitFailed, code, want)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1, want)
	}
}

// A codec that MPEG-TS cannot carry is named.
func TestRemuxNamesWhatMPEGTSCannotCarry(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.mp4")
	encoded(t, in, "-t", "1", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "flac", "-strict", "-2")
	code, stdout, stderr := remuxFile(t, in, filepath.Join(dir, "out.ts"))
	require.Equal(t, exitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "track 2 is audio flac: MPEG-TS has no form for it; H.264, ")
	code, _, stderr = remuxFile(t, "--fragment", in, filepath.Join(dir, "out.ts"))
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "--fragment writes MP4")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// A pause of the pictures, and sound that begins late, keep their times, in one MP4 file.
func TestRemuxKeepsPauses(t *testing.T) {
	dir := t.TempDir()
	in, encoders := filepath.Join(dir, "in.ts"), []string{"libx264", "aac"}
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=9,select='not(between(t,0.99,8.01))'",
		"-itsoffset", "3", "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2", "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0",
		"-pix_fmt", "yuv420p", "-c:a", "aac", in).CombinedOutput()
	require.NoError(t, err, "%s", out)
	want := packetsOf(t, in, encoders...)
	require.Greater(t, want[1][0].pts, 2.9)
	require.Greater(t, want[0][len(want[0])-1].pts, 8.0)
	for _, name := range []string{"out.ts", "out.mp4"} {
		remuxed(t, in, filepath.Join(dir, name))
		requireSame(t, want, packetsOf(t, filepath.Join(dir, name), encoders...), ms, name)
	}
}

// Where the sender's clock was set, no packet is lost, and time goes on.
func TestRemuxClosesJumpsOfTheClock(t *testing.T) {
	dir := t.TempDir()
	in, encoders := filepath.Join(dir, "in.ts"), []string{"libx264", "aac"}
	var whole []byte
	var want [2][]string
	for i, offset := range []string{"3000", "50", "90000"} {
		part := filepath.Join(dir, fmt.Sprint(i, ".ts"))
		encoded(t, part, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-c:a", "aac", "-output_ts_offset", offset)
		b, err := os.ReadFile(part)
		require.NoError(t, err)
		whole = append(whole, b...)
		for track, packets := range packetsOf(t, part, encoders...) {
			for _, p := range packets {
				want[track] = append(want[track], p.hash)
			}
		}
	}
	require.NoError(t, os.WriteFile(in, whole, 0o600))
	for _, name := range []string{"out.ts", "out.mp4"} {
		code, _, stderr := remuxFile(t, in, filepath.Join(dir, name))
		require.Zero(t, code, stderr)
		require.NotContains(t, stderr, "access unit", "the counters of the parts do not fit, and nothing is missing")
		for track, packets := range packetsOf(t, filepath.Join(dir, name), encoders...) {
			var hashes []string
			for i, p := range packets {
				hashes = append(hashes, p.hash)
				if i > 0 {
					require.Greater(t, p.dts, packets[i-1].dts, "%s: track %d, packet %d", name, track, i)
				}
			}
			require.Equal(t, want[track], hashes, name)
			require.InDelta(t, 6.0, packets[len(packets)-1].dts-packets[0].dts, 0.5, name)
		}
	}
}
