package filesystem

import (
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

func is(err, target error) bool {
	if errors.Is(err, target) {
		return true
	}
	number, ok := target.(syscall.Errno)
	return ok && slices.ContainsFunc(windowsErrors[number], func(e syscall.Errno) bool { return errors.Is(err, e) })
}

// windowsErrors lists the errors of Windows for each error number, which package syscall only invents there.
var windowsErrors = map[syscall.Errno][]syscall.Errno{
	syscall.EWOULDBLOCK:  {windows.ERROR_LOCK_VIOLATION, windows.ERROR_IO_PENDING, windows.ERROR_SHARING_VIOLATION},
	syscall.EEXIST:       {windows.ERROR_ALREADY_EXISTS, windows.ERROR_FILE_EXISTS},
	syscall.EACCES:       {windows.ERROR_ACCESS_DENIED},
	syscall.ENOSPC:       {windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL},
	syscall.EDQUOT:       {windows.ERROR_DISK_QUOTA_EXCEEDED},
	syscall.EROFS:        {windows.ERROR_WRITE_PROTECT},
	syscall.EMFILE:       {windows.ERROR_TOO_MANY_OPEN_FILES},
	syscall.EIO:          {windows.ERROR_CRC, windows.ERROR_IO_DEVICE, windows.ERROR_READ_FAULT, windows.ERROR_WRITE_FAULT, windows.ERROR_DISK_CORRUPT},
	syscall.EFBIG:        {windows.ERROR_FILE_TOO_LARGE},
	syscall.EINVAL:       {windows.ERROR_INVALID_NAME, windows.ERROR_BAD_PATHNAME},
	syscall.ENAMETOOLONG: {windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_BUFFER_OVERFLOW},
	syscall.ENOTDIR:      {windows.ERROR_DIRECTORY},
	syscall.EXDEV:        {windows.ERROR_NOT_SAME_DEVICE},
	syscall.EMLINK:       {windows.ERROR_TOO_MANY_LINKS},
	syscall.ENODEV:       {windows.ERROR_NOT_READY, windows.ERROR_DEV_NOT_EXIST, windows.ERROR_DEVICE_NOT_CONNECTED, windows.ERROR_NO_SUCH_DEVICE},
	syscall.ENOTCONN:     {windows.ERROR_BAD_NETPATH, windows.ERROR_BAD_NET_NAME, windows.ERROR_NETNAME_DELETED, windows.ERROR_UNEXP_NET_ERR},
	syscall.EOPNOTSUPP:   {windows.ERROR_NOT_SUPPORTED, windows.ERROR_INVALID_FUNCTION},
}
