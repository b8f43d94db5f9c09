//go:build unix

package stages

import (
	"os/exec"
	"syscall"
)

// runGroup runs a command in a process group of its own. At the end of the command's context it kills the group.
func runGroup(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.Run()
}
