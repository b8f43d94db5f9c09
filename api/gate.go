package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline"
)

// Gate checks names and passwords for servers of other protocols, as the API
// does for itself: in constant time, a few hashings at once, and with a limit on
// what one remote may get wrong: under one name, since many cameras may be behind
// one address, and one whose password is wrong must not lock the others out; and
// sharedFailures times that under all names. It is safe for use from many goroutines.
type Gate struct {
	door   *door
	shared attempts // of a remote, under whatever names
}

const sharedFailures = 10

// Credentials are a name and the hash of its password.
type Credentials struct{ Name, PasswordHash string }

// NewGate reads the hashes, which HashPassword made.
func NewGate(users []Credentials, clock pipeline.Clock) (*Gate, error) {
	a := Auth{}
	for _, u := range users {
		a.Users = append(a.Users, User{u.Name, u.PasswordHash, []Role{View}}) // the role is not asked for
	}
	limits := Limits{}.withDefaults()
	d, err := newDoor(a, limits, clock)
	if err != nil {
		return nil, err
	}
	return &Gate{d, attempts{clock: clock, limit: sharedFailures * limits.LoginFailures, remotes: map[string]*debt{}}}, nil
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
	under := remote + " "
	if g.door.users[name] != nil { // all others are one: what is remembered stays bounded
		under += name
	}
	if wait := max(g.door.attempts.blocked(under), g.shared.blocked(remote)); wait > 0 {
		return fmt.Errorf("%w: again in %s", ErrBlocked, wait.Round(1e9))
	}
	if _, ok := g.door.byPassword(ctx, under, name, password); !ok {
		g.shared.failed(remote)
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
