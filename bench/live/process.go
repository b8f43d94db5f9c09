package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a child whose output is kept for the error message.
type process struct {
	cmd  *exec.Cmd
	name string
	out  tail
	done chan struct{} // closed at its end
	err  error
}

// start runs a program; lines of its standard output also go to stdout if it is not nil.
func start(name string, argv []string, stdout io.Writer) (*process, error) {
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = io.Writer(&p.out), &p.out
	if stdout != nil {
		p.cmd.Stdout = io.MultiWriter(stdout, &p.out)
	}
	// The kernel kills the children if the harness is killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// failed returns the error of a process that ended too early.
func (p *process) failed() error {
	return fmt.Errorf("%s ended early: %v: %s", p.name, p.err, p.out.String())
}

// stop sends SIGTERM to the process, and SIGKILL after a time.
func (p *process) stop(ctx context.Context, within time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v of SIGTERM: %s", p.name, within, p.out.String())
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, p.out.String())
	}
	return nil
}

// tail keeps the end of the bytes written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - 4096; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
