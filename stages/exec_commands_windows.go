package stages

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// runGroup runs a command in a job object of its own. At the end of the command's context it kills all processes of
// the job. A process that the command starts in its first instant, before it is in the job, is not killed.
func runGroup(cmd *exec.Cmd) error {
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
