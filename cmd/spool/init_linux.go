package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// In a container spool is usually process 1, to which the kernel gives every process whose parent has
// ended. A command of exec may leave such processes, and unless process 1 waits for them, they remain as
// zombies. So process 1 does not record: it starts a second process that records, forwards signals to
// it, waits for every child, and exits with the recorder's status. The kernel then ends the remaining
// processes. Outside of a container spool is one process.

// isInit reports whether this process is process 1, which must wait for the children of other processes.
func isInit() bool { return os.Getpid() == 1 }

// forwardedSignals lists the signals that process 1 forwards to the recorder. A terminal sends a signal
// to both processes, so that the recorder gets it twice; it counts the two as one: see sameRequest in
// package server.
var forwardedSignals = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGABRT,
}

// runInit starts this program once more with the same arguments, as the recorder, and waits until the
// recorder has ended; meanwhile it waits for other children, too. It returns nil for exit status 0, else
// a childStatus: the exit status, or 128 plus the number of the signal that has killed the recorder. It
// returns errNoInit if the recorder cannot be started.
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
			_ = syscall.Kill(child, s.(syscall.Signal)) // fails if the recorder has just ended
		case <-ended:
			if status, done := reap(child); done {
				return status
			}
		}
	}
}

// reap collects the exit status of every child that has ended, without waiting. If child, the process of
// the recorder, is among them, reap returns the result for runInit and true. Otherwise it returns false.
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
