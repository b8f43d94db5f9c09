package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Passwords checks names and passwords for servers that know no roles, under which many
// cameras may sign in from one address: one whose password is wrong does not lock the
// others out. It is safe for use from many goroutines.
type Passwords struct{ users *verifier }

// DefaultFailures is how often a name may fail to sign in from one address within a minute.
const DefaultFailures = 10

// Credentials are a name and the hash of its password.
type Credentials struct{ Name, PasswordHash string }

// NewPasswords reads the hashes, which HashPassword made. The others are users without one:
// they are treated as names that do not exist, and counted as what they are.
func NewPasswords(users []Credentials, others []string, clock pipeline.Clock) (*Passwords, error) {
	all := make([]User, len(users))
	for i, u := range users {
		all[i] = User{u.Name, u.PasswordHash, []Role{View}} // the role is not asked for
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

// Reasons why somebody is not let in.
var (
	ErrWrong   = errors.New("name or password is wrong")
	ErrBlocked = errors.New("too many failed attempts to sign in")
)

// BlockedError is an ErrBlocked that says how long. What was sent was not looked at: it
// may be right.
type BlockedError struct{ Wait time.Duration }

// Error says when to try again.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v: again in %s", ErrBlocked, e.Wait.Round(time.Second))
}

// Unwrap makes it an ErrBlocked.
func (e *BlockedError) Unwrap() error { return ErrBlocked }

// Check is nil for the right password, else ErrWrong or a *BlockedError, which it counts
// in seen, unless that is nil. The remote is an address, with or without a port. See
// verifier for what is limited.
func (p *Passwords) Check(ctx context.Context, seen *Failures, remote, name, password string) error {
	_, err := p.users.verify(ctx, seen, remote, name, password)
	return err
}

// Knows reports whether a name is one that may sign in. It is for logs, in which a
// password typed in its place must not stand.
func (p *Passwords) Knows(name string) bool { return p.users.users[name] != nil }

// CheckHash says why a password_hash is none.
func CheckHash(s string) error {
	_, err := parseHash(s)
	return err
}

// CheckToken says why a token cannot be one.
func CheckToken(s string) error {
	_, err := newToken(Token{Token: s, Roles: []Role{View}})
	return err
}
