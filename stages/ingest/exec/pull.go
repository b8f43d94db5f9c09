package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/command"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/hub"
)

// protocol is the scheme of the pull URLs.
const protocol = "exec"

func init() { hub.RegisterCommand(protocol, newPuller) }

// puller runs a command and reads a stream from its output.
type puller struct {
	hub.PullOptions
	words []string // the program and its arguments
}

// streamWord is the placeholder for the path of the stream.
const streamWord = "{stream}"

// newPuller makes the puller of a command. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.Transport != "" {
		return nil, errors.New("transport has no effect with exec: it is for rtsp://")
	}
	if o.Fingerprint != "" {
		return nil, errors.New("tls.fingerprint has no effect with exec: it is for connections by TLS")
	}
	words, err := split(o.Command)
	if err != nil {
		return nil, err
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], streamWord, o.Path)
	}
	return &puller{PullOptions: o, words: words}, nil
}

// The bounds of a command.
const (
	readTimeout = 10 * time.Second // silence, and the time until the stream is known, unless the stream has a read_timeout
	graceTime   = 5 * time.Second  // from SIGTERM to SIGKILL
	closeTime   = time.Second      // a process that the command has left may keep its output open
	readBytes   = 64 << 10
)

var (
	errEnded = errors.New("the command has ended")
	errQuiet = errors.New("the command writes nothing")
)

// Pull runs the command until it ends, writes nothing any more, or ctx ends. It returns the reason, with the last line that the
// command wrote to its standard error. All processes of the command have ended then.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	complaints := &command.LastOutput{}
	cmd := exec.Command(p.words[0], p.words[1:]...)
	cmd.Env = append(command.Environment(nil), config.CommandVariables["stream"]+"="+p.Path)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w, complaints, closeTime
	e, err := p.begin(ctx)
	if err != nil {
		_ = w.Close()
		return err
	}
	group, err := command.Start(cmd)
	_ = w.Close()
	if err != nil {
		e.close()
		return fmt.Errorf("the command cannot be started: %w", err)
	}
	defer func() {
		if !closed(e.ended) { // after a panic
			_ = e.end(group, nil)
		}
	}()
	o := newOutput(p, publish)
	defer o.close()
	why := p.read(ctx, r, o)
	status := e.end(group, why)
	return p.describe(ctx, why, status, complaints.String())
}

// read reads the output until it ends, is silent or cannot be taken, or ctx ends.
func (p *puller) read(ctx context.Context, r *os.File, o *output) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = r.Close() })()
	stop := p.Go("exec pull", func(task context.Context) error {
		defer context.AfterFunc(task, func() { cancel(context.Cause(task)) })()
		for pipeline.Sleep(ctx, p.Clock, lookEvery, nil) {
			if err := o.look(p.Clock.Now(), cmp.Or(p.ReadTimeout, readTimeout)); err != nil {
				cancel(err)
			}
		}
		return nil
	})
	defer stop()
	defer cancel(nil)
	b := make([]byte, readBytes)
	for {
		n, err := r.Read(b)
		if n > 0 {
			if err := o.data(b[:n]); err != nil {
				return err
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return errEnded
		}
	}
}

// lookEvery is how often a pull looks for silence.
const lookEvery = 250 * time.Millisecond

// ending ends the processes of a command. Its task begins before the command, because none begins while the program stops.
type ending struct {
	over  chan over     // the command is to end
	ended chan struct{} // closed when it has ended, or was not started
	stop  func()        // waits for the task
}

// over is a command that is to end, and why.
type over struct {
	group *command.Group
	why   error
}

// begin begins the task. It returns the cause of ctx if that ends first.
func (p *puller) begin(ctx context.Context) (*ending, error) {
	e := &ending{over: make(chan over, 1), ended: make(chan struct{})}
	begun := make(chan struct{})
	e.stop = p.Go("exec end", func(task context.Context) error {
		close(begun)
		select {
		case o := <-e.over:
			p.endGroup(task, o, e.ended)
		case <-e.ended:
		}
		return nil
	})
	select {
	case <-begun:
		return e, nil
	case <-ctx.Done():
		e.close()
		return nil, context.Cause(ctx)
	}
}

// endGroup ends all processes of a command: it asks them, and kills those that do not end within graceTime. A command that
// has closed its output gets closeTime to end by itself, so that its status is its own.
func (p *puller) endGroup(ctx context.Context, o over, ended <-chan struct{}) {
	if o.why == errEnded && !pipeline.Sleep(ctx, p.Clock, closeTime, ended) && closed(ended) {
		return
	}
	o.group.Terminate()
	if pipeline.Sleep(context.WithoutCancel(ctx), p.Clock, graceTime, ended) {
		o.group.Kill()
	}
}

// end ends all processes of the command, and returns the error of the command.
func (e *ending) end(group *command.Group, why error) (status error) {
	e.over <- over{group, why}
	status = group.Wait()
	e.close()
	return status
}

// close ends the task.
func (e *ending) close() {
	close(e.ended)
	e.stop()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// shownBytes bounds what an error shows of the command's standard error.
const shownBytes = 400

// describe returns the error of a pull.
func (p *puller) describe(ctx context.Context, why, status error, output string) error {
	if ctx.Err() != nil {
		return why
	}
	if why == errEnded && status != nil {
		why = fmt.Errorf("%w: %w", errEnded, status)
	}
	output = strings.TrimSpace(output)
	if output == "" {
		return why
	}
	p.Log.Debug("standard error of the command", "text", config.Redact(output))
	last := config.Redact(output[strings.LastIndexByte(output, '\n')+1:])
	return fmt.Errorf("%w: it wrote %q", why, last[max(len(last)-shownBytes, 0):])
}
