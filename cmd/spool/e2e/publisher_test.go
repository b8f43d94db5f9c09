package e2e

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// publisher is an ffmpeg that sends a file.
type publisher struct {
	t    *testing.T
	cmd  *exec.Cmd
	book logBook
	done chan error
}

// publish sends a file unchanged over RTSP in real time.
func publish(t *testing.T, file, url, transport string, more ...string) *publisher {
	t.Helper()
	return publishBy(t, append(more, "-i", file, "-c", "copy", "-strict", "experimental", "-f", "rtsp", "-rtsp_transport", transport, url)...)
}

// publishBy starts a publisher that is ffmpeg with arguments.
func publishBy(t *testing.T, args ...string) *publisher {
	t.Helper()
	p := &publisher{t: t, cmd: exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...), done: make(chan error, 1)}
	p.cmd.Stderr = &p.book
	require.NoError(t, p.cmd.Start())
	go func() { p.done <- p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() { p.kill() })
	return p
}

// kill kills the publisher without a message to the server, as a power cut does.
func (p *publisher) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// finish waits until the whole file was sent.
func (p *publisher) finish() {
	p.t.Helper()
	select {
	case err := <-p.done:
		require.NoError(p.t, err, "ffmpeg: %s", &p.book)
	case <-time.After(patience):
		p.kill()
		require.Fail(p.t, "ffmpeg does not end")
	}
}
