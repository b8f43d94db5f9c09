package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func remuxFile(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"remux"}, args...), &Program{Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

// hashes returns the hash of each packet of every track, by ffmpeg.
func hashes(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-").Output()
	require.NoError(t, err)
	return string(out)
}

// Remuxing keeps every packet in both directions, and the result decodes without an error.
func TestRemuxKeepsEveryPacket(t *testing.T) {
	in := shortMovie(t)
	want := hashes(t, in)
	require.Equal(t, 2, strings.Count(want, "MD5="))
	dir := t.TempDir()
	ordinary, fragmented, back := filepath.Join(dir, "o.mp4"), filepath.Join(dir, "f.mp4"), filepath.Join(dir, "b.mp4")
	for _, args := range [][]string{{in, ordinary}, {"--fragment", in, fragmented}, {fragmented, back}} {
		code, stdout, stderr := remuxFile(t, args...)
		require.Zero(t, code, stderr)
		require.Empty(t, stderr)
		out := args[len(args)-1]
		require.Contains(t, stdout, out+": ")
		require.Equal(t, want, hashes(t, out))
		text, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", out, "-f", "null", "-").CombinedOutput()
		require.NoError(t, err)
		require.Empty(t, string(text))
	}
	require.Equal(t, []string{"ftyp", "moov"}, boxes(t, fragmented)[:2])
	require.Contains(t, boxes(t, fragmented), "moof")
	require.Equal(t, []string{"ftyp", "free", "moov", "free", "mdat"}, boxes(t, ordinary))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3, "nothing else is left behind")
}

// boxes returns the types of a file's boxes at the top level.
func boxes(t *testing.T, path string) (types []string) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "trace", path).CombinedOutput()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, "type:'"); ok && strings.Contains(line, "parent:'root'") {
			types = append(types, rest[:4])
		}
	}
	return types
}

func TestRemuxReplacesNothing(t *testing.T) {
	in := shortMovie(t)
	out := filepath.Join(t.TempDir(), "out.mp4")
	require.NoError(t, os.WriteFile(out, []byte("precious"), 0o600))
	code, _, stderr := remuxFile(t, in, out)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "replaces no file")
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "precious", string(b))
}

// A file that cannot be read leaves no output file.
func TestRemuxOfADamagedFileLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.mp4")
	whole, err := os.ReadFile(shortMovie(t))
	require.NoError(t, err)
	last := bytes.LastIndex(whole, []byte("stco")) // the audio track's: its first chunk is moved beyond the end
	copy(whole[last+12:], []byte{0x7f, 0, 0, 0})
	for want, b := range map[string][]byte{
		"there is no moov": []byte("hello"),
		"cut off":          whole,
	} {
		require.NoError(t, os.WriteFile(in, b, 0o600))
		code, stdout, stderr := remuxFile(t, in, filepath.Join(dir, "out.mp4"))
		require.Equal(t, exitFailed, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1)
	}
}

// The header of a chunk takes some hundred bytes. Key frames of some twenty bytes therefore
// share chunks.
func TestRemuxOfTinyPicturesIsNotManyTimesAsLong(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.mp4"), filepath.Join(dir, "out.mp4")
	text, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=16x16:rate=25:duration=80",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "1", "-qp", "51", in).CombinedOutput()
	require.NoError(t, err, "%s", text)
	code, _, stderr := remuxFile(t, in, out)
	require.Zero(t, code, stderr)
	require.Equal(t, hashes(t, in), hashes(t, out))
	before, err := os.Stat(in)
	require.NoError(t, err)
	after, err := os.Stat(out)
	require.NoError(t, err)
	require.Less(t, after.Size(), 3*before.Size())
}

// shortMovie returns an MP4 file of video and audio that ffmpeg makes.
func shortMovie(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "movie.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
		"-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "3", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}
