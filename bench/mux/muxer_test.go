package mux

import (
	"fmt"
	"os/exec"
	"path/filepath"
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
				out, err := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries",
					"stream=codec_type,nb_read_packets", "-of", "default=nw=1:nk=1", filepath.Join(dir, FileName)).CombinedOutput()
				require.NoError(t, err, "%s", out)
				var want []string
				for i, n := range packets {
					want = append(want, m.Tracks[i].Codec.Kind().String(), fmt.Sprint(n))
				}
				require.Equal(t, want, strings.Fields(string(out)))
			})
		}
	}
}
