package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/testpattern"
)

// A newcomer runs spool in an empty directory, waits, and presses Ctrl-C.
func TestNewcomerHasARecording(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "")
	began := time.Now()
	first := grown(r, 0)
	second := grown(r, first)
	t.Logf("a file of %d bytes grew %v after the start, to %d", first, time.Since(began), second)
	r.awaitUnits("live/demo", 8*25) // frames and audio
	require.Equal(t, 0, r.signal(syscall.SIGINT))

	file := onlyFile(t, r)
	require.Regexp(t, `/live_demo_\d{8}_\d{6}\.mp4$`, file)
	ordinary(t, file)
	decodes(t, file)
	f := describe(t, file)
	require.Equal(t, 2, f.Format.Streams)
	numbers := frameNumbers(t, file, 640, 360)
	whole(t, numbers)
	require.Equal(t, f.Streams[0].Frames, len(numbers))
	require.InDelta(t, float64(len(numbers))/25, f.Format.Duration, 0.04)
	w := watch(t, r.files)
	w.plays(filepath.Base(file), float64(len(numbers))/25)
}

// grown waits until both the API and the disk report that a file is larger.
func grown(r *recorder, than int64) (size int64) {
	r.t.Helper()
	eventually(r.t, "the demo's file grows", func() bool {
		s := r.status("live/demo")
		if s.File == "" {
			return false
		}
		info, err := os.Stat(r.path(s.File))
		require.True(r.t, err == nil || os.IsNotExist(err), "%v", err)
		if err != nil || !s.Recording || s.State != "recording" || s.Bytes <= than || info.Size() < s.Bytes {
			return false
		}
		size = s.Bytes
		return true
	})
	return size
}

func onlyFile(t *testing.T, r *recorder) string {
	t.Helper()
	r.allFinished()
	files := r.list(".mp4")
	require.Len(t, files, 1)
	return files[0]
}

// frameNumbers reads the number shown in each decoded frame of a test pattern.
func frameNumbers(t *testing.T, file string, width, height int) (numbers []uint32) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", file,
		"-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	var complaint logBook
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	picture := make([]byte, width*height*3/2)
	for {
		if _, err = io.ReadFull(out, picture); err != nil {
			break
		}
		n, ok := testpattern.ReadFrameNumber(picture, width, width, height)
		require.True(t, ok, "picture %s shows no number", strconv.Itoa(len(numbers)))
		numbers = append(numbers, n)
	}
	require.Equal(t, io.EOF, err)
	require.NoError(t, cmd.Wait())
	require.Empty(t, complaint.String())
	require.NotEmpty(t, numbers)
	return numbers
}
