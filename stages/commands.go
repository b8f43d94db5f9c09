package stages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Commands runs the commands of every exec stage of the process. It is safe for
// concurrent use.
//
// A command has a process group of its own: with it end all that it started. It
// is not given spool's environment, which may hold passwords.
type Commands struct {
	tasks *pipeline.Tasks
	clock pipeline.Clock

	mu    sync.Mutex
	lanes map[string]*commandLane
	done  map[chan struct{}]struct{} // of the commands that run or wait
}

// commandLane bounds the commands of one pipeline.
type commandLane struct {
	slots chan struct{}
	held  int // commands that run or wait
}

// NewCommands makes a runner whose commands end with the tasks.
func NewCommands(tasks *pipeline.Tasks, clock pipeline.Clock) *Commands {
	return &Commands{tasks: tasks, clock: clock, lanes: map[string]*commandLane{}, done: map[chan struct{}]struct{}{}}
}

// Command is what is to be run.
type Command struct {
	Args        []string // the program first
	Environment []string // names of further variables that it is given
	Timeout     time.Duration
	Ended       func(Outcome)
}

// Outcome is how a command ended.
type Outcome struct {
	Ran    bool // else Err tells why it could not be started
	Err    error
	Output string // the last of it
	Took   time.Duration
}

var (
	errCommandTime = errors.New("it took too long and was killed")
	errCommandStop = errors.New("it was killed, since spool ends")
)

// Run runs a command beside the caller, once fewer than limit of the lane run. It
// reports false, and runs nothing, where as many as maxWaiting wait for that.
func (c *Commands) Run(lane string, limit, maxWaiting int, command Command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[lane]
	if l == nil || cap(l.slots) != limit { // after a reload; those of the old lane run out
		l = &commandLane{slots: make(chan struct{}, limit)}
		c.lanes[lane] = l
	}
	if l.held >= limit+maxWaiting {
		return false
	}
	l.held++
	done := make(chan struct{})
	c.done[done] = struct{}{}
	c.tasks.Go("exec "+lane, func(ctx context.Context) error {
		defer c.forget(l, done)
		command.Ended(c.turn(ctx, l, command))
		return nil
	})
	return true
}

func (c *Commands) forget(l *commandLane, done chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.held--
	delete(c.done, done)
	close(done)
}

// turn waits for a slot and runs the command in it.
func (c *Commands) turn(ctx context.Context, l *commandLane, command Command) Outcome {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return Outcome{Err: errCommandStop}
	}
	began := c.clock.Now()
	out := command.run(ctx)
	out.Took = c.clock.Now().Sub(began)
	return out
}

// Wait waits until no command runs or waits, or for the context, whose end is an
// error that counts those that do.
func (c *Commands) Wait(ctx context.Context) error {
	c.mu.Lock()
	all := make([]chan struct{}, 0, len(c.done))
	for done := range c.done {
		all = append(all, done)
	}
	c.mu.Unlock()
	for i, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("%d commands of exec did not end in time and are killed", len(all)-i)
		}
	}
	return nil
}

func (command Command) run(ctx context.Context) Outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, command.Timeout, errCommandTime)
	defer cancel()
	output := &lastOutput{}
	cmd := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	cmd.Env = environment(command.Environment)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for a daemon that keeps the output open
	err := cmd.Run()
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errCommandTime):
		err = errCommandTime
	case err != nil && ctx.Err() != nil:
		err = errCommandStop
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	return Outcome{Ran: cmd.ProcessState != nil, Err: err, Output: output.String()}
}

// environment is what every program may need, and what is asked for.
func environment(names []string) []string {
	out := []string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}, names...) {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return out
}

// lastOutput keeps the end of what is written to it.
type lastOutput struct{ b []byte }

const maxOutput = 4096

// Write keeps the last bytes.
func (o *lastOutput) Write(p []byte) (int, error) {
	o.b = append(o.b, p[max(len(p)-maxOutput, 0):]...)
	o.b = append(o.b[:0], o.b[max(len(o.b)-maxOutput, 0):]...)
	return len(p), nil
}

// String is the text so far.
func (o *lastOutput) String() string { return string(o.b) }
