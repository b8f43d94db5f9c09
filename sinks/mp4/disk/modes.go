package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Modes are what the files and directories of a record directory are made with, whatever the
// process's umask is. Those that are there keep what they have.
type Modes struct {
	File, Dir fs.FileMode
	Group     int // the group's number; less than 0: as the system makes them
}

// DefaultModes let spool's group read.
var DefaultModes = Modes{File: 0o640, Dir: 0o750, Group: -1}

// ParseModes reads modes as octal text, such as 0640, and a group's name or number, which may
// be empty. It asks the system for the group, and whether this process may give it files.
func ParseModes(file, dir, group string) (Modes, error) {
	m := DefaultModes
	var wrong, bad error
	if m.File, wrong = ParseMode("file_mode", file, 0o600); wrong != nil {
		bad = wrong
	}
	if m.Dir, wrong = ParseMode("dir_mode", dir, 0o700); wrong != nil {
		bad = errors.Join(bad, wrong)
	}
	if bad != nil || group == "" {
		return m, bad
	}
	m.Group, bad = groupOf(group)
	return m, bad
}

// ParseMode reads the mode of a setting. The owner must keep the rights of least, and not
// everybody may write.
func ParseMode(setting, text string, least fs.FileMode) (fs.FileMode, error) {
	if text == "" {
		return map[fs.FileMode]fs.FileMode{0o600: DefaultModes.File, 0o700: DefaultModes.Dir}[least], nil
	}
	n, err := strconv.ParseUint(text, 8, 16)
	mode := fs.FileMode(n)
	example := map[fs.FileMode]string{0o600: `"0640"`, 0o700: `"0750"`}[least]
	switch {
	case err != nil || len(text) != 4 || text[0] != '0':
		return 0, fmt.Errorf("%s: %q is no mode: write four octal digits in quotes, the first of them 0, such as %s", setting, text, example)
	case mode&least != least:
		return 0, fmt.Errorf("%s: with %s spool itself could not use what it makes: the first digit behind the 0 is %o at least, as in %s", setting, text, least>>6, example)
	case mode&0o002 != 0:
		return 0, fmt.Errorf("%s: with %s everybody on the machine may change recordings: leave the last digit at 0, 4 or 5, as in %s", setting, text, example)
	}
	return mode, nil
}

func groupOf(name string) (int, error) {
	id, err := strconv.Atoi(name)
	if err != nil {
		g, err := user.LookupGroup(name)
		if err != nil {
			return 0, fmt.Errorf("group: there is no group %q on this machine: write the name or the number of one", name)
		}
		if id, err = strconv.Atoi(g.Gid); err != nil {
			return 0, fmt.Errorf("group: %q has the number %q", name, g.Gid)
		}
	}
	if id < 0 || id > 1<<31-1 {
		return 0, fmt.Errorf("group: %q is no number of a group", name)
	}
	groups, err := os.Getgroups()
	if err != nil || os.Geteuid() != 0 && id != os.Getegid() && !slices.Contains(groups, id) {
		return 0, fmt.Errorf("group: spool runs as user %d, which is not in the group %q, and may not give files to it: add the user to the group, and start spool anew", os.Geteuid(), name)
	}
	return id, nil
}

// madeWith has the Modes of the record directories that this process knows the settings of,
// by absolute path: files are made there by recovery too, which knows no settings.
var madeWith sync.Map

// SetModes has what is made in a record directory from now on made with these modes.
func SetModes(dir string, m Modes) {
	madeWith.Store(Absolute(dir), m)
}

// ModesOf returns the modes of a record directory.
func ModesOf(dir string) Modes {
	if m, set := madeWith.Load(Absolute(dir)); set {
		return m.(Modes)
	}
	return DefaultModes
}

// Give gives a file or directory that was just made its mode and group. A file system that has
// neither, such as exFAT, keeps its own.
func (m Modes) Give(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := m.File
	if info.IsDir() {
		mode = m.Dir
	}
	if m.Group >= 0 { // before the mode: it may take rights away
		if err = unix.Fchown(int(f.Fd()), -1, m.Group); err != nil && !lacksModes(err) {
			return &fs.PathError{Op: "chgrp", Path: f.Name(), Err: err}
		}
	}
	if info.Mode().Perm() == mode {
		return nil
	}
	if err = unix.Fchmod(int(f.Fd()), uint32(mode)); err != nil && !lacksModes(err) {
		return &fs.PathError{Op: "chmod", Path: f.Name(), Err: err}
	}
	return nil
}

func lacksModes(err error) bool {
	for _, e := range []error{unix.EPERM, unix.ENOTSUP, unix.ENOSYS, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// GiveDir is Give for a directory by its name.
func (m Modes) GiveDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(m.Give(d), d.Close())
}
