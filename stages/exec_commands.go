package stages

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Commands runs the commands of every exec stage of the process. It is safe for concurrent use.
//
// A command has its own process group, and every process that it started ends with it. It does not
// inherit spool's environment, which may hold passwords.
//
// The store keeps each command until it has run: see KeptCommand.
type Commands struct {
	tasks   *pipeline.Tasks
	clock   pipeline.Clock
	store   CommandStore
	leaving context.Context // its end stops the commands that run or wait, which the store keeps
	leave   context.CancelFunc

	mu      sync.Mutex // guards the fields below
	lanes   map[laneKey]*commandLane
	done    map[chan struct{}]struct{} // one for each command that runs or waits
	names   map[string]bool            // kept commands that must not run again: true while one runs or waits, false after a resumed one has run
	resumed map[string]bool            // names of the commands that an earlier process kept
}

// laneKey identifies a lane. A pipeline may have stages with different limits, or a new limit after
// a reload; each limit has a lane of its own.
type laneKey struct {
	name  string // of the pipeline
	limit int
}

// commandLane bounds the commands of one pipeline. Commands deletes it when it is empty.
type commandLane struct {
	slots chan struct{}
	held  int // commands that run or wait
}

// NewCommands returns a runner whose commands end with the tasks.
func NewCommands(tasks *pipeline.Tasks, clock pipeline.Clock, store CommandStore) *Commands {
	c := &Commands{tasks: tasks, clock: clock, store: store, lanes: map[laneKey]*commandLane{}, done: map[chan struct{}]struct{}{}, names: map[string]bool{}, resumed: map[string]bool{}}
	c.leaving, c.leave = context.WithCancel(context.Background())
	return c
}

// Command describes a command to run.
type Command struct {
	Kept        string   // its name in the store; empty when the store does not hold it
	Args        []string // the program first
	Environment []string // names of further variables of spool's environment that it inherits
	Variables   []string // NAME=value, added to the inherited ones or in their place
	Timeout     time.Duration
	Ended       func(Outcome)
}

// Outcome describes how a command ended.
type Outcome struct {
	Ran    bool // false: Err is the reason why it could not be started
	Err    error
	Output string // the end of its output
	Took   time.Duration
}

var (
	errCommandTime = errors.New("it took too long and was killed")
	errCommandLeft = errors.New("spool ended before it had")
)

// Run runs a command in the background, as soon as fewer than limit commands of the lane run. It
// reports false, and runs nothing, when maxWaiting commands already wait. A command that already
// runs or waits under the same name, or that was resumed, is not run twice.
func (c *Commands) Run(lane string, limit, maxWaiting int, command Command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running, known := c.names[command.Kept]; known {
		if !running { // it was resumed, and recovery has kept it again
			c.store.Done(command.Kept)
		}
		return true
	}
	key := laneKey{lane, limit}
	l := c.lanes[key]
	if l == nil {
		l = &commandLane{slots: make(chan struct{}, limit)}
		c.lanes[key] = l
	}
	if l.held >= limit+maxWaiting {
		return false
	}
	l.held++
	done := make(chan struct{})
	c.done[done] = struct{}{}
	if command.Kept != "" {
		c.names[command.Kept] = true
	}
	c.tasks.Go("exec "+lane, func(ctx context.Context) error {
		defer c.forget(key, done, command.Kept)
		out := c.turn(ctx, l, command)
		if command.Kept != "" && !out.Left() {
			c.store.Done(command.Kept)
		}
		command.Ended(out)
		return nil
	})
	return true
}

func (c *Commands) forget(key laneKey, done chan struct{}, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lanes[key].held--; c.lanes[key].held == 0 {
		delete(c.lanes, key)
	}
	delete(c.done, done)
	if c.resumed[name] {
		c.names[name] = false
	} else {
		delete(c.names, name)
	}
	close(done)
}

// turn waits for a slot and then runs the command.
func (c *Commands) turn(ctx context.Context, l *commandLane, command Command) Outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.leaving, cancel)()
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return Outcome{Err: errCommandLeft}
	}
	for {
		began := c.clock.Now()
		out := command.run(ctx)
		out.Took = c.clock.Now().Sub(began)
		if out.Ran || !lacking(out.Err) {
			return out
		}
		if !pipeline.Sleep(ctx, c.clock, time.Second, nil) {
			return Outcome{Err: errCommandLeft}
		}
	}
}

// lacking reports whether a command could not be started because the machine is short of a resource
// such as file descriptors. Starting it is tried again.
func lacking(err error) bool {
	for _, want := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// Left reports whether the command is still to be run, or to be run again.
func (o Outcome) Left() bool { return errors.Is(o.Err, errCommandLeft) }

// Wait waits until no command runs or waits, or until the context ends. It returns the number of
// commands left.
func (c *Commands) Wait(ctx context.Context) (left int) {
	for _, done := range c.ends() {
		select {
		case <-done:
		case <-ctx.Done():
			return c.Held()
		}
	}
	return 0
}

// Leave kills the running commands and starts no further ones. It waits until all have ended, or
// until the context ends.
func (c *Commands) Leave(ctx context.Context) {
	c.leave()
	c.Wait(ctx)
}

// Held returns the number of commands that run or wait.
func (c *Commands) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.done)
}

func (c *Commands) ends() []chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.done))
}

func (command Command) run(ctx context.Context) Outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, command.Timeout, errCommandTime)
	defer cancel()
	output := &lastOutput{}
	cmd := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	cmd.Env = append(environment(command.Environment), command.Variables...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for a daemon that keeps the output open
	err := cmd.Run()
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errCommandTime):
		err = errCommandTime
	case err != nil && ctx.Err() != nil:
		err = errCommandLeft
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	return Outcome{Ran: cmd.ProcessState != nil, Err: err, Output: output.String()}
}

// environment returns the variables that every program may need, and the named ones.
func environment(names []string) []string {
	out := []string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}, names...) {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return out
}

// lastOutput keeps the last maxOutput bytes that are written to it.
type lastOutput struct{ b []byte }

const maxOutputBytes = 4096

// Write keeps the last bytes.
func (o *lastOutput) Write(p []byte) (int, error) {
	o.b = append(o.b, p[max(len(p)-maxOutputBytes, 0):]...)
	o.b = append(o.b[:0], o.b[max(len(o.b)-maxOutputBytes, 0):]...)
	return len(p), nil
}

// String returns the kept text.
func (o *lastOutput) String() string { return string(o.b) }
