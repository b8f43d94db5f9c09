package mux

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline/media"
)

// The measured muxer must write a correct file.
func TestTheWholeMovieIsWritten(t *testing.T) {
	m, err := movie.Pattern(movie.Spec{Codec: "h264", Bitrate: 2e6, FPS: 30, GOP: time.Second, Length: 4 * time.Second})
	require.NoError(t, err)
	for name, fragment := range map[string]bool{"mp4": false, "fmp4": true} {
		t.Run(name, func(t *testing.T) {
			dir, pool := t.TempDir(), media.NewCheckedPool()
			took, err := Run(t.Context(), dir, m, pool, Options{Fragment: fragment})
			require.NoError(t, err)
			require.Len(t, took, 4, "chunks of a second")
			require.Zero(t, pool.Outstanding(), pool.Leaks())
			out, err := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries",
				"stream=codec_name,nb_read_packets", "-of", "csv=p=0", filepath.Join(dir, FileName)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, []string{"h264,120", "aac,188"}, strings.Fields(string(out)))
		})
	}
}
