//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// Run runs a command in a process group of its own. At the end of the command's context it kills the group.
func Run(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.Run()
}

// Group is the processes of a started command: the command and what it starts.
type Group struct{ cmd *exec.Cmd }

// Start starts a command, which has no context, in a process group of its own. The caller calls Wait.
func Start(cmd *exec.Cmd) (*Group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Group{cmd}, nil
}

// Terminate asks all processes of the group to end (SIGTERM). Kill ends them. Both may be called until Wait has returned.
func (g *Group) Terminate() { _ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGTERM) }
func (g *Group) Kill()      { _ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) }

// Wait waits until the command has ended, and kills the processes of the group that it has left.
func (g *Group) Wait() error {
	err := g.cmd.Wait()
	g.Kill() // what the command has left; the number is not in use again so soon
	return err
}
