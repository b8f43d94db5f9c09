package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/movie"
)

// The compared muxers must write correct files too, in every use, and more than once with kept buffers.
func TestPeersWriteTheWholeMovie(t *testing.T) {
	m, err := movie.Pattern(movie.Spec{Codec: "h264", Bitrate: 1e6, FPS: 30, GOP: time.Second, Length: 4 * time.Second})
	require.NoError(t, err)
	for _, l := range Libraries {
		var packets []string // hashes of the packets, which are the same in every use
		for _, use := range []Use{{}, {Kept: true}, {Room: true}, {Kept: true, Room: true}} {
			t.Run(fmt.Sprintf("%s/%+v", l.Name, use), func(t *testing.T) {
				muxer := l.New(use)
				for range 2 {
					dir := t.TempDir()
					require.NoError(t, muxer.Run(m, dir))
					path := filepath.Join(dir, fileName)
					out, err := exec.Command("ffprobe", "-v", "quiet", "-count_packets", "-show_entries",
						"stream=codec_name,nb_read_packets", "-of", "csv=p=0", path).Output()
					require.NoError(t, err)
					require.Equal(t, []string{"h264,120", "aac,188"}, strings.Fields(string(out)))
					out, err = exec.Command("ffprobe", "-v", "quiet", "-show_data_hash", "md5", "-show_entries",
						"packet=stream_index,dts,data_hash", "-of", "csv=p=0", path).Output()
					require.NoError(t, err)
					hashes := strings.Fields(string(out))
					if packets == nil {
						packets = hashes
					}
					require.ElementsMatch(t, packets, hashes)
				}
			})
		}
	}
}

// The table has a row for every use, and the JSON a result for the target.
func TestTheComparisonHasEveryUse(t *testing.T) {
	spec := movie.Spec{Codec: "h264", Bitrate: 1e6, FPS: 30, GOP: time.Second, Length: 2 * time.Second}
	c, err := Compare(t.Context(), t.TempDir(), spec, 3)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, c.Write(&b))
	for _, row := range []string{"write, preallocated", "spool fMP4", "mediacommon  ", "mp4ff, kept, preallocated"} {
		require.Contains(t, b.String(), row)
	}
	b.Reset()
	require.NoError(t, WriteJSON(&b, []*Comparison{c}))
	var results []struct {
		Kind    string
		Metrics []struct {
			Unit   string
			Values []float64
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &results), "%s", &b)
	require.Equal(t, "peers", results[0].Kind)
	require.Equal(t, "x-best-peer", results[0].Metrics[0].Unit)
	require.Len(t, results[0].Metrics[0].Values, 3)
}
