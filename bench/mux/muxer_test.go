package mux

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline/media"
)

// The measured muxer must write a correct file of each codec.
func TestTheWholeMovieIsWritten(t *testing.T) {
	for _, codec := range movie.Codecs() {
		m, err := movie.Pattern(movie.Spec{Codec: codec, Bitrate: 2e6, FPS: 30, GOP: time.Second, Length: 4 * time.Second})
		require.NoError(t, err)
		packets := make([]int, len(m.Tracks))
		require.NoError(t, m.Each(func(track int, _ *media.AU) error { packets[track]++; return nil }))
		for name, fragment := range map[string]bool{"mp4": false, "fmp4": true} {
			t.Run(codec+", "+name, func(t *testing.T) {
				dir, pool := t.TempDir(), media.NewCheckedPool()
				took, err := Run(t.Context(), dir, m, pool, Options{Fragment: fragment})
				require.NoError(t, err)
				require.Len(t, took, 4, "chunks of a second")
				require.Zero(t, pool.Outstanding(), pool.Leaks())
				out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", filepath.Join(dir, FileName), "-map", "0", "-c", "copy",
					"-f", "framehash", "-hash", "crc32", "-").Output()
				require.NoError(t, err)
				got := make([]int, len(m.Tracks))
				for row := range strings.Lines(string(out)) {
					if track, _, ok := strings.Cut(row, ","); ok && !strings.HasPrefix(row, "#") {
						n, err := strconv.Atoi(track)
						require.NoError(t, err, row)
						got[n]++
					}
				}
				require.Equal(t, packets, got)
			})
		}
	}
}
