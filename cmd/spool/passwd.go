package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/gospool/spool/api/auth"
)

// PasswdCmd implements spool passwd, which hashes a password for the configuration.
type PasswdCmd struct {
	Digest string `placeholder:"REALM" help:"Print the value for digest of a user of ingest.auth instead: the hashes that RTSP Digest authentication checks in this realm. All users share one realm."`
	User   string `placeholder:"NAME" help:"The user's name, required with --digest: the hashes depend on it."`
}

// Help returns the text that spool passwd --help prints above the flags.
func (c *PasswdCmd) Help() string {
	return `The password comes from standard input: one line, or typed twice at a terminal.

Without --digest it prints an argon2id hash. The hash reveals no password and cannot be used to sign in.
With --digest it prints {realm: ..., md5: ..., sha256: ...}. In this realm each of the two hashes is worth as much as the
password: anyone who reads one can publish as this user. Keep the configuration file readable by spool alone. The hashes
are also quick to compute, so that a short password can be guessed from them.`
}

// Run reads a password from standard input, at a terminal twice and without echo, and prints the value
// of the setting password_hash, or with --digest of the setting digest.
func (c *PasswdCmd) Run(p *Program) error {
	if c.Digest == "" && c.User != "" {
		return usageError{errors.New("--user is for --digest: an argon2id hash does not depend on the name")}
	}
	if c.Digest != "" && c.User == "" {
		return usageError{errors.New("--digest requires --user NAME: the hashes depend on the name")}
	}
	secret, err := readPassword(p)
	if err != nil {
		return usageError{err}
	}
	text, err := c.hash(secret)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintln(p.Stdout, text)
	return err
}

// hash returns the text that Run prints: the hash of a password for the setting password_hash, or with
// --digest the hashes for the setting digest.
func (c *PasswdCmd) hash(password string) (string, error) {
	if c.Digest == "" {
		return auth.HashPassword(password)
	}
	d, err := auth.HashDigest(c.User, c.Digest, password)
	return fmt.Sprintf("{realm: %q, md5: %q, sha256: %q}", d.Realm, d.MD5, d.SHA256), err
}

// readPassword reads the password from standard input. It returns an error for an empty password, and
// at a terminal if the two inputs differ.
func readPassword(p *Program) (string, error) {
	f, ok := p.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(p.Stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil // the last line of a file may have no newline
		}
		return password(strings.TrimRight(line, "\r\n"), err)
	}
	first, err := typed(f, p.Stderr, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := typed(f, p.Stderr, "Again: ")
	if err == nil && again != first {
		err = errors.New("the two passwords are not the same")
	}
	return first, err
}

// typed shows a prompt and reads one line of a terminal without echo.
func typed(terminal *os.File, show io.Writer, prompt string) (string, error) {
	fmt.Fprint(show, prompt)
	defer fmt.Fprintln(show)
	line, err := term.ReadPassword(int(terminal.Fd()))
	return password(string(line), err)
}

// password returns the line that was read, or an error if it is empty.
func password(line string, err error) (string, error) {
	if line == "" && (err == nil || errors.Is(err, io.EOF)) {
		err = errors.New("no password on standard input")
	}
	return line, err
}
