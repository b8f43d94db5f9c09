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

	"github.com/gospool/spool/pipeline/filesystem"
)

// Modes holds the permissions and the group of new files and directories in a record directory,
// regardless of the process's umask. Existing files keep theirs.
type Modes struct {
	File, Dir fs.FileMode
	Group     int // the group's number; negative: the system's default
}

// DefaultModes gives read access to the group of the user that runs spool.
var DefaultModes = Modes{File: 0o640, Dir: 0o750, Group: -1}

// ParseModes parses the modes of files and directories, as ParseMode does, and the name or number
// of a group. It returns an error if the group does not exist or this process may not assign
// files to it. An empty group is the system's default.
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

// ParseMode parses a mode: three octal digits, or four of which the first is 0. The mode must
// give the owner the rights in least, 0600 for files or 0700 for directories, and must not let
// other users write. An empty text is the mode in DefaultModes. setting is the name of the
// setting, for the error.
func ParseMode(setting, text string, least fs.FileMode) (fs.FileMode, error) {
	if text == "" {
		return map[fs.FileMode]fs.FileMode{0o600: DefaultModes.File, 0o700: DefaultModes.Dir}[least], nil
	}
	n, err := strconv.ParseUint(text, 8, 16)
	mode := fs.FileMode(n)
	example := map[fs.FileMode]string{0o600: `"0640"`, 0o700: `"0750"`}[least]
	switch {
	case err != nil || mode > 0o777 || len(text) != 3 && len(text) != 4:
		return 0, fmt.Errorf("%s: %q is no mode: write four octal digits in quotes, the first of them 0, such as %s", setting, text, example)
	case mode&least != least:
		return 0, fmt.Errorf("%s: with %s spool could not use its own files: the first of the last three digits must be at least %o, as in %s", setting, text, least>>6, example)
	case mode&0o002 != 0:
		return 0, fmt.Errorf("%s: with %s every user of the machine could change recordings: leave the last digit at 0, 4 or 5, as in %s", setting, text, example)
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
		return 0, fmt.Errorf("group: %q is not the number of a group", name)
	}
	groups, err := os.Getgroups()
	if err != nil || os.Geteuid() != 0 && id != os.Getegid() && !slices.Contains(groups, id) {
		return 0, fmt.Errorf("group: spool runs as user %d, which is not in the group %q, and may not give files to it: add the user to the group, and start spool anew", os.Geteuid(), name)
	}
	return id, nil
}

// ownModes are the modes of the files and directories that only spool uses (ownPrefix).
var ownModes = Modes{File: 0o600, Dir: 0o700, Group: -1}

// of returns the modes for a new file or directory by its name: ownModes if it has ownPrefix.
func (m Modes) of(name string) Modes {
	if strings.HasPrefix(path.Base(name), ownPrefix) {
		return ownModes
	}
	return m
}

const ownPrefix = ".spool-"

// give sets the mode and the group of a new open file or directory. On a file system without
// them, such as exFAT, it changes nothing and returns no error: see filesystem.Calls.
func (m Modes) give(c *filesystem.Calls, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := m.File
	if info.IsDir() {
		mode = m.Dir
	}
	if m.Group >= 0 { // before the mode, because chgrp may clear mode bits
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

// GiveDir sets the mode and the group of the new directory at path name.
func (m Modes) GiveDir(name string) error {
	d, err := os.OpenFile(name, os.O_RDONLY|filesystem.Directory|filesystem.NoFollow, 0)
	if err != nil {
		return err
	}
	return errors.Join(m.give(&filesystem.Calls{}, d), d.Close())
}
