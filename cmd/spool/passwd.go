package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/api/auth"
)

// PasswdCmd is spool passwd.
type PasswdCmd struct{}

// Run reads a password from standard input, twice from a terminal and unseen,
// and prints what password_hash wants.
func (c *PasswdCmd) Run(p *Program) error {
	password, err := readPassword(p)
	if err != nil {
		return usageError{err}
	}
	hash, err := auth.HashPassword(password)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintln(p.Stdout, hash)
	return err
}

func readPassword(p *Program) (string, error) {
	lines := bufio.NewReader(p.Stdin)
	f, terminal := p.Stdin.(*os.File)
	restore, err := func() {}, error(nil)
	if terminal {
		if restore, err = unseen(f); err != nil {
			terminal, restore = false, func() {} // a pipe or a file
		}
	}
	defer restore()
	first, err := ask(lines, p.Stderr, terminal, "Password: ")
	if err != nil || !terminal {
		return first, err
	}
	again, err := ask(lines, p.Stderr, terminal, "Again: ")
	if err == nil && again != first {
		err = errors.New("the two passwords are not the same")
	}
	return first, err
}

func ask(lines *bufio.Reader, show io.Writer, terminal bool, prompt string) (string, error) {
	if terminal {
		fmt.Fprint(show, prompt)
		defer fmt.Fprintln(show)
	}
	line, err := lines.ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("no password on standard input")
	}
	if errors.Is(err, io.EOF) {
		err = nil // the last line of a file may have no end
	}
	return line, err
}

// unseen turns a terminal's echo off until restore.
func unseen(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}
