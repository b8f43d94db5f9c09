package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Passwords checks names and passwords for a server whose users have no roles, such as an ingest
// server. Many cameras may sign in from one address: one with a wrong password does not lock the
// others out. It is safe for concurrent use.
type Passwords struct{ users *verifier }

// DefaultFailures is the default number of failed sign-ins that a name may have from one address in a
// minute.
const DefaultFailures = 10

// Credentials holds the name of a user and the hash of the user's password, a result of HashPassword.
type Credentials struct{ Name, PasswordHash string }

// NewPasswords returns the Passwords of users. others are the names of users who have no password
// hash: Check refuses them like unknown names, but counts and logs them as known ones. The error names
// the user with an invalid hash.
func NewPasswords(users []Credentials, others []string, clock pipeline.Clock) (*Passwords, error) {
	all := make([]User, len(users))
	for i, u := range users {
		all[i] = User{Name: u.Name, PasswordHash: u.PasswordHash, Roles: []Role{View}} // an account must have a role, which is not used here
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

// The errors of a sign-in.
var (
	ErrWrong   = errors.New("name or password is wrong")
	ErrBlocked = errors.New("too many failed attempts to sign in")
)

// BlockedError is the error of a sign-in beyond the limits of failures. It wraps ErrBlocked. In
// general the credentials were not checked and may be right. Digests.Check also returns it for
// credentials that it has found wrong, and a verifier for a password that it knows to be wrong.
type BlockedError struct {
	Wait time.Duration // time after which the client may try again
}

// Error returns the text of ErrBlocked and the time to wait.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v: again in %s", ErrBlocked, e.Wait.Round(time.Second))
}

// Unwrap returns ErrBlocked.
func (e *BlockedError) Unwrap() error { return ErrBlocked }

// Check returns nil for a user's name and right password. Otherwise it returns ErrWrong, or a
// *BlockedError beyond the limits of a verifier, and counts the failure in seen, which may be nil.
// remote is the client's address, with or without a port.
func (p *Passwords) Check(ctx context.Context, seen *Failures, remote, name, password string) error {
	_, err := p.users.verify(ctx, seen, remote, name, password)
	return err
}

// Knows reports whether a name is that of a user with a password hash. A log must contain no other
// name, because a person may have typed a password in place of the name.
func (p *Passwords) Knows(name string) bool { return p.users.users[name] != nil }

// CheckHash returns an error if a text is not a valid value of the setting password_hash.
func CheckHash(s string) error {
	_, err := parseHash(s)
	return err
}

// CheckToken returns an error if a text is not a valid value of the setting token: see Token.Token.
func CheckToken(s string) error {
	_, err := newToken(Token{Token: s, Roles: []Role{View}})
	return err
}
