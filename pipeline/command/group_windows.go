package command

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// Run runs a command in a job object of its own. At the end of the command's context it kills all processes of the job. A
// process that the command starts in its first instant, before it is in the job, is not killed.
func Run(cmd *exec.Cmd) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(job)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	cmd.Cancel = func() error {
		return errors.Join(windows.TerminateJobObject(job, 1), cmd.Process.Kill())
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = intoJob(job, cmd.Process.Pid) // fails if the command has ended already
	return cmd.Wait()
}

func intoJob(job windows.Handle, pid int) error {
	p, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(p)
	return windows.AssignProcessToJobObject(job, p)
}

// Group is the processes of a started command: the command and what it starts.
type Group struct {
	cmd *exec.Cmd
	job windows.Handle
}

// Start starts a command, which has no context, in a job object of its own. The caller calls Wait.
func Start(cmd *exec.Cmd) (*Group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	_ = intoJob(job, cmd.Process.Pid) // fails if the command has ended already
	return &Group{cmd, job}, nil
}

// Terminate does nothing: Windows has no signal that asks a process to end. Kill ends all processes of the job. Both may be
// called until Wait has returned.
func (g *Group) Terminate() {}
func (g *Group) Kill() {
	_ = windows.TerminateJobObject(g.job, 1)
	_ = g.cmd.Process.Kill()
}

// Wait waits until the command has ended, and kills the processes of the job that it has left.
func (g *Group) Wait() error {
	err := g.cmd.Wait()
	_ = windows.TerminateJobObject(g.job, 1)
	_ = windows.CloseHandle(g.job)
	return err
}
