// Package child runs the programs that benchmarks compare, each as a process of its own.
package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running child process. It ends with its parent, where the system can do that.
type Process struct {
	Name string        // for errors
	Done chan struct{} // closed when the process has ended

	cmd *exec.Cmd
	out tail  // end of its output, for errors
	err error // result of the process, valid once Done is closed
}

// Start starts a program. If stdout is not nil, it gets the program's standard output; else Output has its end, too. The caller
// stops the process.
func Start(name string, argv []string, stdout io.Writer) (*Process, error) {
	p := &Process{Name: name, cmd: exec.Command(argv[0], argv[1:]...), Done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = io.Writer(&p.out), &p.out
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	p.cmd.SysProcAttr = endWithParent()
	p.cmd.Env = Environ()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.Done)
	}()
	return p, nil
}

// Environ returns the environment of this process without the settings of a recorder, which would replace those of a configuration.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SPOOL_") })
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns the last 4 KiB that the process printed.
func (p *Process) Output() string { return p.out.String() }

// Failed returns the error to report for a process that ended before it was stopped.
func (p *Process) Failed() error {
	return fmt.Errorf("%s ended early: %v: %s", p.Name, p.err, p.out.String())
}

// Stop sends SIGTERM to the process and waits for its end. It returns an error if the process fails. If the process has
// not ended after the time within, Stop kills it and returns an error. If ctx ends, Stop kills the process and returns
// nil.
func (p *Process) Stop(ctx context.Context, within time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-p.Done:
	case <-t.C:
		_ = p.cmd.Process.Kill()
		<-p.Done
		return fmt.Errorf("%s did not end within %v of SIGTERM: %s", p.Name, within, p.out.String())
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.Done
	}
	if p.err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w: %s", p.Name, p.err, p.out.String())
	}
	return nil
}

// Kill kills the process, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.Done
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

// FreeAddress returns an address of this host with a port that was free a moment ago.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// FreeDatagramAddress returns a UDP address of this host, whose port and the n-1 ports that follow were free a moment ago.
func FreeDatagramAddress(n int) (string, error) {
	const attempts = 100
	var err error
	for range attempts {
		var address string
		if address, err = freeDatagramAddress(n); err == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("%d UDP ports that follow each other: %w", n, err)
}

func freeDatagramAddress(n int) (string, error) {
	first, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer first.Close()
	at := first.LocalAddr().(*net.UDPAddr).AddrPort()
	for i := 1; i < n; i++ {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), at.Port()+uint16(i))))
		if err != nil {
			return "", err
		}
		defer c.Close()
	}
	return at.String(), nil
}
