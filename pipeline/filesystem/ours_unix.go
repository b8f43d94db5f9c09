//go:build unix

package filesystem

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// noOtherRenames checks that no other user can replace a file in a directory by another file of this process's
// user. The owner of the directory can do that, whatever its mode, and so can each user with write permission,
// unless the sticky bit is set. The error is ErrNotOurs.
func noOtherRenames(dir *os.File) error {
	info, owner, err := statOwner(dir)
	if err != nil {
		return err
	}
	if me := os.Geteuid(); owner != me && owner != 0 {
		return notOurs(dir.Name(), fmt.Sprintf("it belongs to the user %d, who can put other files in it and old ones back, and spool runs as %d", owner, me),
			fmt.Sprintf("chown %d %s, or run spool as the user %d", me, dir.Name(), owner))
	}
	if info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	return writtenByNoOther(dir.Name(), info)
}

// ours checks that only this process's user can have written an open file. The error is ErrNotOurs.
func ours(f *os.File) error {
	info, owner, err := statOwner(f)
	if err != nil {
		return err
	}
	_, links, _ := Allocated(info)
	switch {
	case !info.Mode().IsRegular():
		return notOurs(f.Name(), "it is no regular file", "remove it")
	case links != 1:
		return notOurs(f.Name(), "it has a second name (a hard link)", "copy it, and put the copy in its place")
	}
	if err := owned(f.Name(), owner); err != nil {
		return err
	}
	return writtenByNoOther(f.Name(), info)
}

// oursToFill checks that only this process's user can put files into an open directory. The error is ErrNotOurs.
func oursToFill(dir *os.File) error {
	info, owner, err := statOwner(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return notOurs(dir.Name(), "it is no directory", "remove it")
	}
	if err := owned(dir.Name(), owner); err != nil {
		return err
	}
	return writtenByNoOther(dir.Name(), info)
}

// statOwner returns the FileInfo of an open file, and the number of the user to whom it belongs.
func statOwner(f *os.File) (info fs.FileInfo, uid int, err error) {
	info, err = f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return info, int(info.Sys().(*syscall.Stat_t).Uid), nil
}

func owned(name string, owner int) error {
	me := os.Geteuid()
	if owner == me {
		return nil
	}
	return notOurs(name, fmt.Sprintf("it belongs to the user %d, and spool runs as %d", owner, me), fmt.Sprintf("chown %d %s", me, name))
}

func writtenByNoOther(name string, info fs.FileInfo) error {
	if info.Mode()&0o022 == 0 {
		return nil
	}
	return notOurs(name, "other users may write to it", "chmod go-w "+name)
}
