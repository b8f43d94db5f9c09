package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
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

// ownModes are those of what spool keeps for itself.
var ownModes = Modes{File: 0o600, Dir: 0o700, Group: -1}

// of returns the modes of a file or directory that is to be made.
func (m Modes) of(name string) Modes {
	if strings.HasPrefix(path.Base(name), ownPrefix) {
		return ownModes
	}
	return m
}

const ownPrefix = ".spool-"

// give gives a file or directory that this process just made its mode and group. A file
// system that has neither, such as exFAT, keeps its own: see filesystem.Calls.
func (m Modes) give(c *filesystem.Calls, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := m.File
	if info.IsDir() {
		mode = m.Dir
	}
	if m.Group >= 0 { // before the mode: it may take rights away
		if err = c.Chgrp(int(f.Fd()), m.Group); err != nil {
			return &fs.PathError{Op: "chgrp", Path: f.Name(), Err: err}
		}
	}
	if info.Mode().Perm() == mode {
		return nil
	}
	if err = c.Chmod(int(f.Fd()), mode); err != nil {
		return &fs.PathError{Op: "chmod", Path: f.Name(), Err: err}
	}
	return nil
}

// GiveDir gives a directory that this process just made its mode and group.
func (m Modes) GiveDir(name string) error {
	d, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(m.give(&filesystem.Calls{}, d), d.Close())
}
