package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// playlistOf makes a playlist of a file of pictures and sound in a directory of its own.
func playlistOf(t *testing.T, file string, args ...string) (playlist string) {
	t.Helper()
	dir := t.TempDir()
	playlist = filepath.Join(dir, "list.m3u8")
	all := append([]string{"-nostdin", "-v", "error", "-i", file, "-c", "copy", "-f", "hls", "-hls_time", "1"}, args...)
	cmd := exec.Command("ffmpeg", append(all, "list.m3u8")...)
	if strings.Contains(strings.Join(args, " "), "var_stream_map") {
		cmd = exec.Command("ffmpeg", append(all, "list%v.m3u8")...)
		playlist = filepath.Join(dir, "master.m3u8")
	}
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return playlist
}

// What ffmpeg has divided into segments becomes one file again, packet by packet.
func TestRemuxReadsPlaylists(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source.mp4")
	encoded(t, source, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "15", "-c:a", "aac")
	want := packetsOf(t, source, "libx264", "aac")
	for name, args := range map[string][]string{
		"MPEG-TS":          {"-hls_playlist_type", "vod"},
		"without its end":  {"-hls_flags", "omit_endlist", "-hls_list_size", "0"},
		"one file":         {"-hls_playlist_type", "vod", "-hls_flags", "single_file"},
		"fragmented MP4":   {"-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"},
		"sound of its own": {"-hls_playlist_type", "vod", "-map", "0:v", "-map", "0:a", "-master_pl_name", "master.m3u8", "-var_stream_map", "v:0,agroup:s a:0,agroup:s"},
	} {
		t.Run(name, func(t *testing.T) {
			playlist := playlistOf(t, source, args...)
			for _, form := range []string{"copy.mp4", "copy.ts"} {
				out := filepath.Join(t.TempDir(), form)
				remuxed(t, playlist, out)
				requireSame(t, want, packetsOf(t, out, "libx264", "aac"), ms, form)
			}
		})
	}
}

// What is missing is told, and so is why nothing can be read.
func TestRemuxOfDamagedPlaylists(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source.mp4")
	encoded(t, source, "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-c:a", "aac")
	playlist := playlistOf(t, source, "-hls_playlist_type", "vod", "-hls_time", "0.5")
	text, err := os.ReadFile(playlist)
	require.NoError(t, err)
	dir := filepath.Dir(playlist)

	out := filepath.Join(dir, "out.mp4")
	below := filepath.Join(dir, "below", "list.m3u8")
	require.NoError(t, os.Mkdir(filepath.Dir(below), 0o755))
	require.NoError(t, os.WriteFile(below, []byte(strings.ReplaceAll(string(text), "\nlist", "\n../list")), 0o644))
	code, _, stderr := remuxFile(t, below, out)
	require.NotZero(t, code)
	require.Contains(t, stderr, "it is not in the playlist's directory, nor below it")
	require.NoFileExists(t, out)

	require.NoError(t, os.Remove(filepath.Join(dir, "list1.ts")))
	code, _, stderr = remuxFile(t, playlist, out)
	require.Equal(t, exitFailed, code, stderr)
	require.Contains(t, stderr, "list1.ts: no such file")
	require.Contains(t, stderr, "the output is incomplete: 1 segment of the playlist could not be read")
	require.Contains(t, stderr, "left out: 1 segment (hls_loss)")
	require.FileExists(t, out)

	code, _, stderr = remuxFile(t, playlist, filepath.Join(dir, "other.m3u8"))
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "remux writes no playlists")

	empty := filepath.Join(dir, "empty.m3u8")
	require.NoError(t, os.WriteFile(empty, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n"), 0o644))
	code, _, stderr = remuxFile(t, empty, filepath.Join(dir, "none.mp4"))
	require.NotZero(t, code)
	require.Contains(t, stderr, "spool: empty.m3u8: the playlist has no media that can be read", "no stage or pipeline is named")
}
