package filesystem

import (
	"errors"

	"golang.org/x/sys/windows"
)

// processEnded reports whether no process has the ID.
func processEnded(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return errors.Is(err, windows.ERROR_INVALID_PARAMETER)
	}
	defer windows.CloseHandle(h)
	var status uint32
	const stillActive = 259
	return windows.GetExitCodeProcess(h, &status) == nil && status != stillActive
}
