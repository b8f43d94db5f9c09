package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Passwords checks names and passwords for servers without roles, to which many cameras may sign in
// from one address: a camera with a wrong password does not lock the others out. It is safe for
// concurrent use.
type Passwords struct{ users *verifier }

// DefaultFailures is the number of failed sign-ins of a name from one address in a minute.
const DefaultFailures = 10

// Credentials hold a name and the hash of its password.
type Credentials struct{ Name, PasswordHash string }

// NewPasswords parses hashes of HashPassword. others are users without a hash: they are refused
// like unknown names, and counted as known ones.
func NewPasswords(users []Credentials, others []string, clock pipeline.Clock) (*Passwords, error) {
	all := make([]User, len(users))
	for i, u := range users {
		all[i] = User{u.Name, u.PasswordHash, []Role{View}} // no caller reads the role
	}
	v, err := newVerifier(all, DefaultFailures, clock)
	if err != nil {
		return nil, err
	}
	v.others = map[string]bool{}
	for _, name := range others {
		v.others[name] = true
	}
	return &Passwords{v}, nil
}

// Errors of a sign-in.
var (
	ErrWrong   = errors.New("name or password is wrong")
	ErrBlocked = errors.New("too many failed attempts to sign in")
)

// BlockedError is an ErrBlocked with the remaining time. The credentials were not checked and may
// be right.
type BlockedError struct{ Wait time.Duration }

// Error returns a text with the time to wait.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v: again in %s", ErrBlocked, e.Wait.Round(time.Second))
}

// Unwrap returns ErrBlocked.
func (e *BlockedError) Unwrap() error { return ErrBlocked }

// Check returns nil for the right password, else ErrWrong or a *BlockedError, and counts the
// failure in seen, which may be nil. remote is an address, with or without a port. See verifier for
// the limits.
func (p *Passwords) Check(ctx context.Context, seen *Failures, remote, name, password string) error {
	_, err := p.users.verify(ctx, seen, remote, name, password)
	return err
}

// Knows reports whether a name is that of a user. It is for logs, which must not contain a password
// that was typed in its place.
func (p *Passwords) Knows(name string) bool { return p.users.users[name] != nil }

// CheckHash returns the error of a password_hash.
func CheckHash(s string) error {
	_, err := parseHash(s)
	return err
}

// CheckToken returns the error of a token.
func CheckToken(s string) error {
	_, err := newToken(Token{Token: s, Roles: []Role{View}})
	return err
}
