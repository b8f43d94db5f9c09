package mux

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/media"
)

// The measured muxer must write a correct file.
func TestSpoolWritesTheWholeMovie(t *testing.T) {
	c, err := clip.Make(t.Context(), t.TempDir(), clip.Spec{Size: "1920x1080", FPS: 30, Seconds: 2, GOP: 30, Bitrate: 2e6})
	require.NoError(t, err)
	movie := clip.NewMovie(c, 4)
	for name, fragment := range map[string]bool{"mp4": false, "fmp4": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := NewSpool(movie, fragment)
			s.pool = media.NewCheckedPool()
			require.NoError(t, s.Run(dir))
			require.Zero(t, s.pool.Outstanding(), s.pool.Leaks())
			out, err := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries",
				"stream=codec_name,nb_read_packets", "-of", "csv=p=0", single(t, dir)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, []string{"h264,120", "aac,188"}, strings.Fields(string(out)))
		})
	}
}

// single returns the only MP4 file in a directory.
func single(t *testing.T, dir string) string {
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".mp4") {
			found = append(found, path)
		}
		return err
	}))
	require.Len(t, found, 1)
	info, err := os.Stat(found[0])
	require.NoError(t, err)
	require.Positive(t, info.Size())
	return found[0]
}

func BenchmarkMux(b *testing.B) {
	movie := Material(b)
	for name, fragment := range map[string]bool{"spool-mp4": false, "spool-fmp4": true} {
		b.Run(name, func(b *testing.B) { Against(b, movie, NewSpool(movie, fragment).Run) })
	}
	b.Run("builder alone", func(b *testing.B) {
		s := NewSpool(movie, false)
		Against(b, movie, func(string) error {
			set, err := s.tracks()
			if err != nil {
				return err
			}
			builder := media.NewBuilder(s.pool, media.BuilderConfig{}, (*media.Chunk).Release)
			builder.SetTracks(set)
			defer builder.Flush()
			return feed(builder, movie, 1e18)
		})
	})
}
