package filesystem

import "golang.org/x/sys/windows"

// MayMakeFiles returns an error if this process may not make files in a directory. It makes none.
func MayMakeFiles(dir string) error {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	const addFile = 0x2 // FILE_ADD_FILE
	h, err := windows.CreateFile(path, addFile, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return err
	}
	return windows.CloseHandle(h)
}
