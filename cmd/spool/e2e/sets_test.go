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
			decode = append(decode, "-map", strconv.Itoa(2*i+j), "-fps_mode", "passthrough", "-f", "md5", filepath.Join(dir, fmt.Sprintf("%d-%d", i, j)))
		}
	}
	tool(t, "ffmpeg", decode...)
	for i, rec := range recs {
		want, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d-0", i)))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d-1", i)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), rec.File)
		file := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=width,height,nb_frames", "-of", "csv=p=0:s=x", r.path(rec.File))
		require.Equal(t, fmt.Sprintf("%sx%d", sizes[i%len(sizes)], pictures), strings.TrimSpace(file), rec.File)
	}
}
