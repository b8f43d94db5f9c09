package stages

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/command"
)

// Commands runs the commands of every exec stage of the process. It is safe for concurrent use.
//
// Each command runs in a process group of its own, which is killed as a whole when the command
// takes too long or spool ends. A command does not inherit spool's environment, which may hold
// passwords: see Command.Environment.
//
// A CommandStore keeps each command until the command has ended. A command that spool's end kills
// or prevents stays in the store, and the next start runs it.
type Commands struct {
	tasks   *pipeline.Tasks
	clock   pipeline.Clock
	store   CommandStore
	leaving context.Context // cancelled by Leave: the commands that run or wait then end, and stay in the store
	leave   context.CancelFunc

	mu    sync.Mutex // guards the fields below
	lanes map[laneKey]*commandLane
	done  map[chan struct{}]struct{} // one channel for each command that runs or waits, closed at its end
	// names holds the stored commands that must not be started again, by name in the store: true
	// while the command runs or waits, false after a resumed command has run.
	names   map[string]bool
	resumed map[string]bool // names of the commands that Resume has started
}

// laneKey identifies a lane: the commands of one pipeline that share a limit. Exec stages with
// different limits, or a limit changed by a reload, have separate lanes.
type laneKey struct {
	name  string // name of the pipeline
	limit int
}

// commandLane limits how many commands of a lane run at once. Commands deletes it when none of them
// runs or waits.
type commandLane struct {
	slots chan struct{} // holds a token for each command that runs
	held  int           // number of commands that run or wait
}

// NewCommands returns a runner that has no command yet. It runs each command as a task of tasks.
// When tasks stops, the running commands are killed, and the stored ones run at the next start.
func NewCommands(tasks *pipeline.Tasks, clock pipeline.Clock, store CommandStore) *Commands {
	c := &Commands{tasks: tasks, clock: clock, store: store, lanes: map[laneKey]*commandLane{}, done: map[chan struct{}]struct{}{}, names: map[string]bool{}, resumed: map[string]bool{}}
	c.leaving, c.leave = context.WithCancel(context.Background())
	return c
}

// Command describes a command to run.
type Command struct {
	Kept        string        // name in the store; empty if it is not stored
	Args        []string      // program and arguments
	Environment []string      // names of variables of spool's environment that the command gets: see command.Environment
	Variables   []string      // further variables, each NAME=value; they replace inherited ones
	Timeout     time.Duration // after which the command is killed
	Ended       func(Outcome) // called at the end of the command, on its task
}

// Outcome describes the end of a command.
type Outcome struct {
	Ran    bool   // the program was started; if false, Err says why it was not
	Err    error  // nil if the command succeeded
	Output string // end of the command's output
	Took   time.Duration
}

var (
	errCommandTime = errors.New("it took too long and was killed")
	errCommandLeft = errors.New("spool ended before it had")
)

// Run runs a command in the background once fewer than limit commands of its lane run. The lane is
// that of the pipeline with the name lane, for this limit: see laneKey. If maxWaiting commands of
// the lane wait already, Run returns false, and the command does not run. If a command with the
// name Command.Kept runs or waits, or Resume has run it, Run returns true and runs nothing.
func (c *Commands) Run(lane string, limit, maxWaiting int, command Command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running, known := c.names[command.Kept]; known {
		if !running { // a resumed command has run, and recovery has stored it again
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

// turn waits for a slot of the lane, runs the command and returns the outcome. While the system
// lacks a resource to start the command, turn tries again each second. If ctx ends or Leave is
// called, Outcome.Left of the result is true.
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

// lacking reports whether a command could not be started because the system lacks a resource, such
// as file descriptors.
func lacking(err error) bool {
	for _, want := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// Left reports whether the command did not complete because spool ends. A stored command then runs
// at the next start.
func (o Outcome) Left() bool { return errors.Is(o.Err, errCommandLeft) }

// Wait waits until all commands that run or wait at the call have ended, and returns 0. If ctx ends
// before, Wait returns the number of commands that still run or wait.
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

// Leave kills the running commands and starts no waiting ones. It waits until all have ended, or
// until ctx ends. Stored commands stay in the store.
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

func (c Command) run(ctx context.Context) Outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, errCommandTime)
	defer cancel()
	output := &command.LastOutput{}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = append(command.Environment(c.Environment), c.Variables...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second // a daemon that the command started may keep the output open
	err := command.Run(cmd)
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
