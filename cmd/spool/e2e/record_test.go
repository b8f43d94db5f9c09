package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// recordCommand is a running spool record.
type recordCommand struct {
	cmd       *exec.Cmd
	dir       string
	out, errs logBook
}

func startRecord(t *testing.T, args ...string) *recordCommand {
	t.Helper()
	path, err := staticBinary()
	require.NoError(t, err)
	c := &recordCommand{dir: t.TempDir()}
	c.cmd = exec.CommandContext(t.Context(), path, append([]string{"record"}, args...)...)
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = c.dir, &c.out, &c.errs
	require.NoError(t, c.cmd.Start())
	return c
}

// grows waits until a file has grown by some media since it had a size, and returns its size.
func (c *recordCommand) grows(t *testing.T, name string, since int64) (size int64) {
	t.Helper()
	eventually(t, name+" grows", func() bool {
		info, err := os.Stat(filepath.Join(c.dir, name))
		if err == nil {
			size = info.Size()
		}
		return size > since+20<<10
	})
	return size
}

// A camera is recorded without a server. It restarts meanwhile, and the file goes on. Ctrl-C finishes the file, and nothing
// else is left in the directory.
func TestACameraIsRecordedWithoutAServer(t *testing.T) {
	t.Parallel()
	address, clip := freeAddress(t), h264(t, "small", "320x180", "4", "25")
	cam := newIPCamera(t, address, "viewer", "pass", clip)
	c := startRecord(t, "rtsp://viewer:pass@"+address+"/stream1", "-o", "gate.mp4", "--wait", "10m")
	size := c.grows(t, "gate.mp4.part", 0)
	cam.unplug()
	eventually(t, "the loss is noticed", func() bool { return strings.Contains(c.errs.String(), "pull failed") })
	cam = newIPCamera(t, address, "viewer", "pass", clip)
	c.grows(t, "gate.mp4.part", size)
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, c.cmd.Wait(), "%s", &c.errs)
	cam.unplug()

	info, err := os.Stat(filepath.Join(c.dir, "gate.mp4"))
	require.NoError(t, err)
	require.Contains(t, c.out.String(), fmt.Sprintf("gate.mp4: %d bytes\n", info.Size()))
	require.Contains(t, c.out.String(), " 0 lost\n")
	require.NotContains(t, c.errs.String(), "pass", "the password of the URL")
	decodes(t, filepath.Join(c.dir, "gate.mp4"))
	ordinary(t, filepath.Join(c.dir, "gate.mp4"))
	left, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing but the recording")
}

// A recording that is killed leaves a file that plays, and that repair finishes.
func TestAKilledRecordCommandLeavesAPlayableFile(t *testing.T) {
	t.Parallel()
	address, clip := freeAddress(t), h264(t, "small", "320x180", "4", "25")
	cam := newIPCamera(t, address, "viewer", "pass", clip)
	defer cam.unplug()
	c := startRecord(t, "rtsp://viewer:pass@"+address+"/stream1", "-o", "gate.mp4")
	eventually(t, "some pictures are in the file", func() bool {
		n, _, err := run(t, "ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", filepath.Join(c.dir, "gate.mp4.part"))
		count, _ := strconv.Atoi(strings.TrimSpace(n))
		return err == nil && count > 30
	})
	require.NoError(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait()
	decodes(t, filepath.Join(c.dir, "gate.mp4"+media.PartSuffix))
	path, err := staticBinary()
	require.NoError(t, err)
	_, errs, err := run(t, path, "repair", c.dir)
	require.NoError(t, err, errs)
	decodes(t, filepath.Join(c.dir, "gate.mp4"))
}

func TestRecordSaysWhyNothingWasRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no source":      {[]string{"rtsp://" + freeAddress(t) + "/x", "--wait", "100ms"}, 1, "nothing was recorded: "},
		"unknown scheme": {[]string{"foo://x"}, 2, `pull URL has scheme "foo"`},
		"no directory":   {[]string{"file:none.mp4", "--wait", "0"}, 1, "none.mp4: no such file"},
		"bad pattern":    {[]string{"file:none.mp4", "-o", "{day}.mp4"}, 2, "{day}"},
		"exists":         {[]string{"file:none.mp4", "-o", os.Args[0]}, 2, "exists already"},
		"bad duration":   {[]string{"file:none.mp4", "--duration=-1s"}, 2, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRecord(t, c.args...)
			require.Error(t, r.cmd.Wait())
			require.Equal(t, c.code, r.cmd.ProcessState.ExitCode(), "%s", &r.errs)
			require.Contains(t, r.errs.String(), c.says)
			require.Empty(t, r.out.String())
		})
	}
}

// A finite source is recorded to its end, in files of a pattern.
func TestAFileIsRecordedInSegments(t *testing.T) {
	t.Parallel()
	source := x264Clip(t)
	stream := filepath.Join(t.TempDir(), "clip.ts")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", source, "-c", "copy", stream)
	for _, file := range []string{source, stream} {
		t.Run(filepath.Ext(file), func(t *testing.T) { recordsInSegments(t, file) })
	}
}

func recordsInSegments(t *testing.T, source string) {
	c := startRecord(t, "file:"+source+"?speed=max", "-o", "{stream}/{seq}.mp4", "--segment", "2s", "--fragment")
	require.NoError(t, c.cmd.Wait(), "%s", &c.errs)
	files, err := filepath.Glob(filepath.Join(c.dir, "*", "*.mp4"))
	require.NoError(t, err)
	require.Greater(t, len(files), 1)
	n := 0
	for _, file := range files {
		decodes(t, file)
		n += len(probe(t, file, "v").packets)
	}
	require.Len(t, probe(t, source, "v").packets, n, "each picture")
	require.Equal(t, len(files)+1, strings.Count(c.out.String(), "\n"), "%s", &c.out)
}
