package filesystem

import "golang.org/x/sys/windows"

// Flags for opening a file, besides those of package os.
const (
	Directory = 0                                    // Windows has no such flag: the caller's next call fails
	NoFollow  = windows.FILE_FLAG_OPEN_REPARSE_POINT // opens a symbolic link itself, which has no content
)
