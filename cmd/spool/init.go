package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// As process 1 of a container, spool becomes the parent of every orphan there. A command of
// exec may leave orphans, and no other process would wait for them. Process 1 therefore remains
// an init: it forwards signals to a second process that records, waits for every child, and
// exits with the recorder's status; the kernel then ends the remaining processes. Outside of a
// container orphans have another parent, and spool is one process.

// isInit reports whether this process must wait for orphans.
func isInit() bool { return os.Getpid() == 1 }

// forwardedSignals are meant for the recorder, not for the init. A terminal sends its signals
// to both processes; the recorder treats the two as one request: see sameRequest.
var forwardedSignals = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGABRT,
}

var errNoInit = errors.New("process 1 cannot start the recorder as a second process: orphans of exec's commands will remain as zombies")

// childStatus is the exit status of the recorder, which has logged the reason itself.
type childStatus int

// Error names the exit status.
func (s childStatus) Error() string { return fmt.Sprintf("the recorder ended with %d", int(s)) }

// runInit starts this program once more with the same arguments and waits for it and for
// orphans. It returns nil or a childStatus, which is 128 plus the signal's number after a death
// by signal. It returns errNoInit if the second process cannot be started.
func runInit() error {
	signals, ended := make(chan os.Signal, 16), make(chan os.Signal, 1)
	signal.Notify(signals, forwardedSignals...)
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

// reap waits for every child that has ended. It returns the recorder's status and true if the
// recorder is among them.
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
