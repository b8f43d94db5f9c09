package file

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// packet is an access unit in ffprobe's form.
type packet struct {
	DTS, PTS int64
	Key      bool
	Hash     string
}

var (
	pictures = []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"}
	sounds   = []string{"-f", "lavfi", "-i", "sine=frequency=500:sample_rate=48000"}
	h264     = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p"}
	h265     = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"}
	aac      = []string{"-c:a", "aac", "-b:a", "64k"}
	short    = []string{"-t", "3.3"}
)

// encode makes a file with ffmpeg.
func encode(t testing.TB, name string, args ...[]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-y"}, slices.Concat(args...)...)
	out, err := exec.Command("ffmpeg", append(all, path)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// probe reads the packets of each track of a file with ffprobe.
func probe(t testing.TB, path string) map[int][]packet {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json", path).Output()
	require.NoError(t, err)
	var read struct {
		Packets []struct {
			Stream    int    `json:"stream_index"`
			PTS       int64  `json:"pts"`
			DTS       int64  `json:"dts"`
			Flags     string `json:"flags"`
			Hash      string `json:"data_hash"`
			CodecType string `json:"codec_type"`
		} `json:"packets"`
	}
	require.NoError(t, json.Unmarshal(out, &read))
	packets := map[int][]packet{}
	for _, p := range read.Packets {
		packets[p.Stream] = append(packets[p.Stream], packet{p.DTS, p.PTS, strings.HasPrefix(p.Flags, "K"), strings.TrimPrefix(p.Hash, "MD5:")})
	}
	return packets
}

func open(t testing.TB, path string) *Reader {
	t.Helper()
	r, err := Open(path, pipelinetest.Pool(t), time.Second, time.Unix(1_700_000_000, 0), quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

var quiet = slog.New(slog.DiscardHandler)

// readAllOf reads a file to its end, and checks each chunk.
func readAllOf(t testing.TB, r *Reader) map[int][]packet {
	t.Helper()
	packets := map[int][]packet{}
	for seq := uint64(1); ; seq++ {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return packets
		}
		require.NoError(t, err)
		require.Equal(t, seq, c.Seq)
		collect(t, packets, c)
		c.Release()
	}
}

func collect(t testing.TB, packets map[int][]packet, c *media.Chunk) {
	t.Helper()
	require.Positive(t, c.AccessUnits())
	for i := range c.Tracks {
		col, at, payload := &c.Tracks[i], 0, c.Tracks[i].Payload.Append(nil)
		for k := range col.DTS {
			require.Positive(t, col.DurationTicks(k), "track %d", i)
			unit := payload[at : at+int(col.SizeBytes[k])]
			at += len(unit)
			sum := md5.Sum(unit)
			packets[i] = append(packets[i], packet{
				col.DTS[k], col.DTS[k] + int64(col.OffsetTicks[k]), col.Flags[k]&media.FlagSync != 0, hex.EncodeToString(sum[:]),
			})
		}
		require.Len(t, payload, at)
	}
}

func write(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.mp4")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}
