package peers

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/mux"
)

// The compared muxers must write correct files too.
func TestPeersWriteTheWholeMovie(t *testing.T) {
	c, err := clip.Make(t.Context(), t.TempDir(), clip.Spec{Size: "640x360", FPS: 30, Seconds: 2, GOP: 30, Bitrate: 1e6})
	require.NoError(t, err)
	movie := clip.NewMovie(c, 4)
	for name, run := range map[string]func(*clip.Movie, string) error{"mediacommon": Mediacommon, "mp4ff": MP4FF} {
		dir := t.TempDir()
		require.NoError(t, run(movie, dir), name)
		out, err := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries",
			"stream=codec_name,nb_read_packets", "-of", "csv=p=0", filepath.Join(dir, name+".mp4")).Output()
		require.NoError(t, err, name)
		require.Equal(t, []string{"h264,120", "aac,188"}, strings.Fields(string(out)), name)
	}
}

func BenchmarkMux(b *testing.B) {
	movie := mux.Material(b)
	for _, c := range []struct {
		name string
		run  func(dir string) error
	}{
		{"spool-mp4", mux.NewSpool(movie, false).Run},
		{"spool-fmp4", mux.NewSpool(movie, true).Run},
		{"mediacommon", func(dir string) error { return Mediacommon(movie, dir) }},
		{"mp4ff", func(dir string) error { return MP4FF(movie, dir) }},
	} {
		b.Run(c.name, func(b *testing.B) { mux.Against(b, movie, c.run) })
	}
}
