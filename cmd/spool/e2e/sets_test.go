package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
)

// An encoder uses the next id for its parameter sets at each change of resolution, and starts
// again after 32 of them. Every file holds the sets of its own frames and no other ones.
func TestParameterSetIDsThatCountUp(t *testing.T) {
	t.Parallel()
	const changes, pictures = 40, 3
	sizes := []string{"160x96", "64x48", "96x80", "112x64", "48x48"}
	dir := t.TempDir()
	encode, decode := []string{"-nostdin", "-v", "error", "-y"}, []string{"-nostdin", "-v", "warning", "-y"}
	for _, size := range sizes {
		encode = append(encode, "-f", "lavfi", "-i", "testsrc2=rate=25:size="+size)
	}
	source := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.h264", i)) }
	for i := range changes {
		encode = append(encode, "-map", strconv.Itoa(i%len(sizes)), "-frames:v", strconv.Itoa(pictures), "-threads", "1",
			"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
			"-x264-params", fmt.Sprintf("sps-id=%d:repeat-headers=1", i%32), "-f", "h264", source(i))
	}
	tool(t, "ffmpeg", encode...)

	r := serve(t, "")
	r.start("live/counts", "?wait=true")
	var cam *camera
	at := uint32(0)
	for i := range changes {
		c, err := footage.Read(source(i), 25)
		require.NoError(t, err)
		require.Len(t, c.Units, pictures)
		if cam == nil {
			cam = newCamera(t, r.rtsp+"/live/counts", c)
		}
		at = cam.send(c.Units, at)
	}
	cam.leave(r, "live/counts", changes*pictures)
	recs := r.awaitRecords("live/counts", changes)
	for i, rec := range recs {
		decode = append(decode, "-i", source(i), "-i", r.path(rec.File))
	}
	for i := range recs {
		for j := range 2 {
			decode = append(decode, "-map", strconv.Itoa(2*i+j), "-fps_mode", "passthrough", "-f", "framemd5", filepath.Join(dir, fmt.Sprintf("%d-%d", i, j)))
		}
	}
	tool(t, "ffmpeg", decode...)
	decoded := func(i, j int) (size string, sums []string) {
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d-%d", i, j)))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if of, is := strings.CutPrefix(line, "#dimensions 0: "); is {
				size = strings.TrimSpace(of)
			} else if !strings.HasPrefix(line, "#") {
				sums = append(sums, line[strings.LastIndex(line, ",")+1:])
			}
		}
		return size, sums
	}
	for i, rec := range recs {
		_, want := decoded(i, 0)
		size, got := decoded(i, 1)
		require.Len(t, got, pictures, rec.File)
		require.Equal(t, want, got, rec.File)
		require.Equal(t, sizes[i%len(sizes)], size, rec.File)
	}
}
