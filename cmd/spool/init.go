package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// As the first process of a container spool is also what every orphan there becomes a
// child of: a command of exec may leave some, and nothing else would ever wait for
// them. So process 1 stays such an init, hands signals on to a second process that
// records, waits for whatever ends, and ends as that one does; the kernel then ends
// what is left. Elsewhere orphans have another parent, and there is one process.

// isInit reports whether this process must wait for orphans.
func isInit() bool { return os.Getpid() == 1 }

// handedOn are the signals that mean the recorder and not the init. Those of the
// terminal reach both, which counts as one wish: see sameWish.
var handedOn = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGABRT,
}

var errNoInit = errors.New("orphans of commands will stay as zombies, since process 1 cannot start the recorder as another process")

// childStatus is how the recorder ended; it has said why itself.
type childStatus int

// Error says how.
func (s childStatus) Error() string { return fmt.Sprintf("the recorder ended with %d", int(s)) }

// runInit runs this program once more with the same arguments and waits, for it and
// for orphans. It returns nil or childStatus, 128 and the signal's number after a
// death by one; errNoInit tells that nothing was started.
func runInit() error {
	signals, ended := make(chan os.Signal, 16), make(chan os.Signal, 1)
	signal.Notify(signals, handedOn...)
	signal.Notify(ended, syscall.SIGCHLD)
	child, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		signal.Stop(signals)
		signal.Stop(ended)
		return fmt.Errorf("%w: %w", errNoInit, err)
	}
	for {
		select {
		case s := <-signals:
			_ = syscall.Kill(child, s.(syscall.Signal)) // it may have ended just now
		case <-ended:
			if status, done := reap(child); done {
				return status
			}
		}
	}
}

// reap waits for all that has ended, and tells how the child did, if it is among them.
func reap(child int) (error, bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid == 0:
			return nil, false
		case pid != child:
		case status.Signaled():
			return childStatus(128 + int(status.Signal())), true
		case status.ExitStatus() != exitOK:
			return childStatus(status.ExitStatus()), true
		default:
			return nil, true
		}
	}
}
