package child

import "syscall"

// endWithParent makes the kernel kill a child if the harness is killed.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
