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

// verifier checks names and passwords by their hashes. Authenticator and Passwords use it, so that all
// servers have the same limits.
//
// A password that was right before is accepted by its secret, without hashing and without a limit. The
// other checks have these limits a minute, where failures is the argument of newVerifier:
//
//	failed checks of one name from one address     failures
//	failed checks of all names from one address    10 * failures
//	second chances of one name from one address    failures
//	second chances of all names and addresses      300
//
// Beyond the first limit, a password of this name from this address is refused without a check, with
// the exception of second chances. Beyond the second limit, the same applies to the passwords of all
// names that have failed from this address in the last ten minutes.
//
// A client has a second chance: a password that was refused without a check is checked when the
// client sends it again a second later, as a person or a camera does. So the owner of a name can
// sign in while an attacker at the same address guesses with a different password each time. An
// attacker who sends each guess twice uses up second chances, too, and the owner then waits longer.
// A password that is known to be wrong is refused without hashing and does not count towards these
// limits.
//
// An unknown name is treated like a known one: its password is hashed, or, for a second chance and
// beyond the second limit, the answer is delayed by the time of a hashing.
type verifier struct {
	clock  pipeline.Clock
	users  map[string]*account
	dummy  account         // account that is checked for an unknown name
	others map[string]bool // names of users without a password hash; they count as known in the log
	key    [32]byte        // key of all secrets; it never leaves the process

	names, strangers budgets   // limits of known and of unknown names; many unknown names displace no known one
	addresses        *attempts // limit of the failed checks of all names from one address
	inAll            *attempts // limit of the second chances of all names and addresses, under the key ""
	guesses          guesses
	hashing          *hashing

	mu       sync.Mutex               // guards the fields below
	underway map[secret]chan struct{} // passwords that are being checked; the channel is closed at the end of the check
}

// budgets holds the limits by name and address, under the keys of verifier.lane. The limit of known
// wrong passwords is separate, so that a client that repeats such a password does not use up first
// or second.
type budgets struct {
	first  *attempts // limit of failed checks
	second *attempts // limit of second chances
	wrong  *attempts // limit of passwords that are known to be wrong or are never hashed
}

func newBudgets(clock pipeline.Clock, limit int) budgets {
	return budgets{newAttempts(clock, limit), newAttempts(clock, limit), newAttempts(clock, limit)}
}

const (
	sharedFailures = 10  // the limit of an address is this many times the limit of a name
	chancesInAll   = 300 // limit of the second chances of all names and addresses in a minute
)

// newVerifier returns the verifier of users with password hashes. failures is the number of failed
// checks that a name may have from one address in a minute. The error names the invalid user.
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
		v.dummy.hash = acc.hash // the check of an unknown name then takes as long as that of a known one
	}
	return v, nil
}

// known returns the account of a name, and true if the password equals the last right password of this
// name. If it returns false, the caller must not use the account. It computes no password hash.
func (v *verifier) known(name, password string) (*account, bool) {
	acc := v.users[name]
	if acc == nil {
		acc = &v.dummy
	}
	return acc, acc.seen(v.digest(name, password)) && acc != &v.dummy
}

// verify returns the account of a name and its right password. Otherwise it returns ErrWrong or a
// *BlockedError, and counts the failure in seen, which may be nil. Requests with the same password at
// the same time share one hashing.
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

// begin registers the check of the name and password with the secret s. If mine is true, the caller
// must check the password and then call end. Otherwise another goroutine is checking the same
// password, and other is closed at the end of that check.
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

// admission is the permission to check a password that was not right before.
type admission struct {
	chance   bool   // the check is a second chance
	pretend  bool   // the name is unknown and nothing is hashed: the answer is only delayed
	giveBack func() // undoes the counts of admit; the caller calls it unless the password is wrong
}

// admit applies the limits of verifier to a password that was not right before, and counts the check
// as a failure in advance. s is the secret of the name and password; address is a result of RemoteOf.
// If the caller must not check the password, admit returns ErrWrong or a *BlockedError.
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

// slowly checks a password that was not right before, within the limits of verifier. s is the secret
// of the name and password. It returns the account of the name if the password is right. Else the
// error is ErrWrong, a *BlockedError, or errHungUp if ctx has ended.
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

// pretend delays the answer for an unknown name by the duration of the newest hashing, then returns
// ErrWrong.
func (v *verifier) pretend(ctx context.Context) error {
	passed, stop := v.clock.After(time.Duration(v.hashing.tookNS.Load()))
	defer stop()
	select {
	case <-passed:
	case <-ctx.Done():
	}
	return ErrWrong
}

// digest returns the secret of a name and a password.
func (v *verifier) digest(name, password string) (s secret) {
	m := hmac.New(sha256.New, v.key[:])
	fmt.Fprintf(m, "%d:%s%s", len(name), name, password)
	m.Sum(s[:0])
	return s
}

// lane returns the key, of 16 bytes, under which the checks of a name from an address are counted.
func (v *verifier) lane(address, name string) string {
	s := v.digest(address, name)
	return string(s[:16])
}
