package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline"
)

// Gate checks names and passwords for servers of other protocols, as the API
// does for itself: in constant time, a few hashings at once, and with a limit on
// what one remote may get wrong. It is safe for use from many goroutines.
type Gate struct{ door *door }

// Credentials are a name and the hash of its password.
type Credentials struct{ Name, PasswordHash string }

// NewGate reads the hashes, which HashPassword made.
func NewGate(users []Credentials, clock pipeline.Clock) (*Gate, error) {
	a := Auth{}
	for _, u := range users {
		a.Users = append(a.Users, User{u.Name, u.PasswordHash, []Role{View}}) // the role is not asked for
	}
	d, err := newDoor(a, Limits{}.withDefaults(), clock)
	if err != nil {
		return nil, err
	}
	return &Gate{d}, nil
}

// Reasons why somebody is not let in.
var (
	ErrWrong   = errors.New("name or password is wrong")
	ErrBlocked = errors.New("too many failed attempts to sign in")
)

// Check is nil for the right password, else ErrWrong or ErrBlocked. The remote
// is host:port.
func (g *Gate) Check(ctx context.Context, remote, name, password string) error {
	remote = remoteOf(remote)
	if wait := g.door.attempts.blocked(remote); wait > 0 {
		return fmt.Errorf("%w: again in %s", ErrBlocked, wait.Round(1e9))
	}
	if _, ok := g.door.byPassword(ctx, remote, name, password); !ok {
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
