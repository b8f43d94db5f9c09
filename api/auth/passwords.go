package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Passwords checks names and passwords for servers that know no roles, under which many
// cameras may sign in: in constant time, a few hashings at once, and with a limit on
// what one remote may get wrong: under one name, since many cameras may be behind
// one address, and one whose password is wrong must not lock the others out; and
// sharedFailures times that under all names. It is safe for use from many goroutines.
type Passwords struct {
	users  *Authenticator // its attempts are of a remote under one name
	shared attempts       // of a remote, under whatever names
}

// DefaultFailures is how often one remote may fail to sign in within a minute.
const DefaultFailures = 10

const sharedFailures = 10

// Credentials are a name and the hash of its password.
type Credentials struct{ Name, PasswordHash string }

// NewPasswords reads the hashes, which HashPassword made.
func NewPasswords(users []Credentials, clock pipeline.Clock) (*Passwords, error) {
	c := Config{}
	for _, u := range users {
		c.Users = append(c.Users, User{u.Name, u.PasswordHash, []Role{View}}) // the role is not asked for
	}
	a, err := New(c, DefaultFailures, clock)
	if err != nil {
		return nil, err
	}
	return &Passwords{a, attempts{clock: clock, limit: sharedFailures * DefaultFailures, remotes: map[string]*debt{}}}, nil
}

// Reasons why somebody is not let in.
var (
	ErrWrong   = errors.New("name or password is wrong")
	ErrBlocked = errors.New("too many failed attempts to sign in")
)

// BlockedError is an ErrBlocked that says how long.
type BlockedError struct{ Wait time.Duration }

// Error says when to try again.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v: again in %s", ErrBlocked, e.Wait.Round(time.Second))
}

// Unwrap makes it an ErrBlocked.
func (e *BlockedError) Unwrap() error { return ErrBlocked }

// Check is nil for the right password, else ErrWrong or a *BlockedError. The remote
// is host:port.
func (p *Passwords) Check(ctx context.Context, remote, name, password string) error {
	remote = RemoteOf(remote)
	under := remote + " "
	if p.users.users[name] != nil { // all others are one: what is remembered stays bounded
		under += name
	}
	if wait := max(p.users.attempts.blocked(under), p.shared.blocked(remote)); wait > 0 {
		return &BlockedError{wait}
	}
	if _, ok := p.users.byPassword(ctx, under, name, password); !ok {
		p.shared.failed(remote)
		return ErrWrong
	}
	return nil
}

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
