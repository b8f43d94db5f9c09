package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

// verifier checks names and passwords for all servers in the same way.
//
// It accepts a password that was right before by its digest, without limits. Passwords that need
// hashing are limited, each line within a minute:
//
//	a name at an address                failures        then second chances only
//	an address, under all names         10 * failures   then names that have not failed at it, and second chances
//	second chances of a name            failures
//	second chances in all               300
//
// A second chance is for a password that was refused unchecked and returns a second later, as the
// password of a person or a camera does. So the owner of a name can sign in beside an attacker who
// guesses at the same name from the same address with a different password each time. An attacker
// who sends each guess twice shares the second chances with the owner, who then waits in proportion
// to the guesses; tokens and passwords that were right before are not affected. A known wrong
// password costs nothing again, and locks no user out.
//
// An unknown name is treated like a known one, at the cost of a hash or, once its address has
// failed too often, of the time that a hash takes.
type verifier struct {
	clock  pipeline.Clock
	users  map[string]*account
	dummy  account         // checked for unknown names
	others map[string]bool // users without a hash
	key    [32]byte        // for digests; never leaves the process

	names, strangers budgets   // of known names, and of all others, which cannot use up the former
	addresses        *attempts // under all names
	inAll            *attempts // second chances
	guesses          guesses
	hashing          *hashing

	mu       sync.Mutex               // guards the fields below
	underway map[secret]chan struct{} // passwords that are being checked: one hashing for all requests with the same password
}

// budgets limit names at addresses. Known wrong passwords have their own budget: they cost nothing,
// and repeating them blocks no other user.
type budgets struct{ first, second, wrong *attempts }

func newBudgets(clock pipeline.Clock, limit int) budgets {
	return budgets{newAttempts(clock, limit), newAttempts(clock, limit), newAttempts(clock, limit)}
}

const (
	sharedFailures = 10 // times the failures of a name
	chancesInAll   = 300
)

// newVerifier parses the hashes. The error names the user.
func newVerifier(users []User, failures int, clock pipeline.Clock) (*verifier, error) {
	v := &verifier{
		clock: clock, users: map[string]*account{}, hashing: newHashing(), underway: map[secret]chan struct{}{},
		names: newBudgets(clock, failures), strangers: newBudgets(clock, failures),
		addresses: newAttempts(clock, sharedFailures*failures), inAll: newAttempts(clock, chancesInAll),
	}
	_, _ = rand.Read(v.key[:]) // never fails (crypto/rand)
	for i, u := range users {
		acc, err := newAccount(u)
		if err != nil {
			return nil, fmt.Errorf("users %d %q: %w", i+1, u.Name, err)
		}
		if v.users[u.Name] != nil {
			return nil, fmt.Errorf("users %d: %q occurs twice", i+1, u.Name)
		}
		v.users[u.Name] = acc
		v.dummy.hash = acc.hash // so that an unknown name costs the same
	}
	return v, nil
}

// known returns the account of a name and password that were right before, without hashing.
func (v *verifier) known(name, password string) (*account, bool) {
	acc := v.users[name]
	if acc == nil {
		acc = &v.dummy
	}
	return acc, acc.seen(v.digest(name, password)) && acc != &v.dummy
}

// verify returns the account of a name and password, ErrWrong or a *BlockedError, and counts the
// failure in seen.
func (v *verifier) verify(ctx context.Context, seen *Failures, remote, name, password string) (*account, error) {
	s := v.digest(name, password)
	for {
		if acc, ok := v.known(name, password); ok {
			return acc, nil
		}
		other, mine := v.begin(s)
		if mine {
			break
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ErrWrong
		}
	}
	defer v.end(s)
	acc, err := v.slowly(ctx, remote, name, password, s)
	if errors.Is(err, errHungUp) {
		return nil, ErrWrong // the client has disconnected
	}
	v.count(seen, err, remote, name)
	return acc, err
}

func (v *verifier) count(seen *Failures, err error, remote, name string) {
	user := ""
	if v.users[name] != nil || v.others[name] {
		user = name
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrBlocked):
		seen.Count(Throttled, remote, user)
	case user == "":
		seen.Count(UnknownName, remote, "")
	default:
		seen.Count(WrongPassword, remote, user)
	}
}

// begin reports whether the caller must check a password. Else other is closed when another caller
// has checked it.
func (v *verifier) begin(s secret) (other <-chan struct{}, mine bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if done := v.underway[s]; done != nil {
		return done, false
	}
	v.underway[s] = make(chan struct{})
	return nil, true
}

func (v *verifier) end(s secret) {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.underway[s])
	delete(v.underway, s)
}

// admission describes how to check a password that was not right before.
type admission struct {
	chance   bool   // it is a second chance
	pretend  bool   // nothing is hashed, but it takes the same time
	giveBack func() // undoes the counts, for a right password or a disconnected client
}

// admit decides whether a password may be hashed. Else it returns the error of the sign-in.
func (v *verifier) admit(address, name, password string, s secret) (admission, error) {
	lane, counted, exists := v.lane(address, name), v.names, v.users[name] != nil
	if !exists {
		counted = v.strangers
	}
	if len(v.users) == 0 || len(password) > maxPassword || v.guesses.isWrong(s) {
		if wait, _ := counted.wrong.take(lane); wait > 0 {
			return admission{}, &BlockedError{wait}
		}
		return admission{}, ErrWrong
	}
	wait, clean := counted.first.take(lane)
	hot := v.addresses.blocked(address)
	if wait == 0 && (hot == 0 || clean) {
		return admission{pretend: hot > 0 && !exists, giveBack: func() { counted.first.giveBack(lane) }}, nil
	}
	if wait == 0 {
		counted.first.giveBack(lane)
	}
	if wait, again := v.guesses.returns(s, v.clock.Now()); !again {
		return admission{}, &BlockedError{wait}
	}
	if wait, _ := counted.second.take(lane); wait > 0 {
		return admission{}, &BlockedError{wait}
	}
	if !exists {
		return admission{chance: true, pretend: true}, nil
	}
	if wait, _ := v.inAll.take(""); wait > 0 {
		counted.second.giveBack(lane)
		return admission{}, &BlockedError{wait}
	}
	return admission{chance: true, giveBack: func() { v.inAll.giveBack(""); counted.second.giveBack(lane) }}, nil
}

// slowly decides on a password that was not right before.
func (v *verifier) slowly(ctx context.Context, remote, name, password string, s secret) (*account, error) {
	address := RemoteOf(remote)
	how, err := v.admit(address, name, password, s)
	if err != nil {
		return nil, err
	}
	if how.pretend {
		v.guesses.foundWrong(s, v.clock.Now())
		return nil, v.pretend(ctx)
	}
	acc, exists := v.users[name], v.users[name] != nil
	if !exists {
		acc = &v.dummy
	}
	right := false
	err = v.hashing.do(ctx, address, how.chance, func() { right = acc.hash.matches(password) && exists })
	switch {
	case errors.Is(err, errBusy):
		how.giveBack()
		wait, _ := v.guesses.returns(s, v.clock.Now())
		return nil, &BlockedError{max(wait, secondChance)}
	case err != nil:
		how.giveBack()
		return nil, err
	case right:
		how.giveBack()
		acc.remember(s)
		return acc, nil
	}
	v.guesses.foundWrong(s, v.clock.Now())
	v.addresses.add(address)
	return nil, ErrWrong
}

// pretend waits as long as a hashing takes.
func (v *verifier) pretend(ctx context.Context) error {
	passed, stop := v.clock.After(time.Duration(v.hashing.tookNS.Load()))
	defer stop()
	select {
	case <-passed:
	case <-ctx.Done():
	}
	return ErrWrong
}

func (v *verifier) digest(name, password string) (s secret) {
	m := hmac.New(sha256.New, v.key[:])
	fmt.Fprintf(m, "%d:%s%s", len(name), name, password)
	m.Sum(s[:0])
	return s
}

// lane returns the key of a name at an address, of bounded length.
func (v *verifier) lane(address, name string) string {
	s := v.digest(address, name)
	return string(s[:16])
}
