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

// process is a running child process.
type process struct {
	cmd  *exec.Cmd
	name string        // for errors
	out  tail          // end of its output, for errors
	done chan struct{} // closed when the process has ended
	err  error         // result of the process, valid once done is closed
}

// start starts a program. If stdout is not nil, it gets the program's standard output; else p.out gets it, too.
func start(name string, argv []string, stdout io.Writer) (*process, error) {
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = io.Writer(&p.out), &p.out
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	p.cmd.SysProcAttr = endWithParent()
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

// failed returns the error to report for a process that ended before it was stopped.
func (p *process) failed() error {
	return fmt.Errorf("%s ended early: %v: %s", p.name, p.err, p.out.String())
}

// stop sends SIGTERM to the process and waits for its end. It returns an error if the process fails. If the process has
// not ended after the time within, stop kills it and returns an error. If ctx ends, stop kills the process and returns
// nil.
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

// tail is an io.Writer that keeps the last 4 KiB written to it. It is safe for concurrent use.
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
