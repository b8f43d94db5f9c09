package auth

import (
	"context"
	"crypto/md5" // #nosec G501: RFC 7616 includes it, and many encoders support no other
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Digest holds the hashes with which a server checks a user's digest responses (RFC 7616): HA1, the
// hash of name:realm:password, for each algorithm. With an HA1 a client can sign in to this realm as
// with the password itself. In another realm it is of no use, unless it reveals a weak password.
type Digest struct {
	Realm  string
	MD5    string // HA1 by MD5 in hexadecimal; empty: the user has none
	SHA256 string // HA1 by SHA-256 in hexadecimal; empty: the user has none
}

// HashDigest returns the Digest of a user with both algorithms. Its error names an invalid argument.
func HashDigest(name, realm, password string) (Digest, error) {
	if password == "" {
		return Digest{}, errors.New("the password is empty")
	}
	if err := errors.Join(checkDigestText("name", name), checkDigestText("realm", realm)); err != nil {
		return Digest{}, err
	}
	if strings.Contains(name, ":") {
		return Digest{}, fmt.Errorf("the name %q holds a colon, which no digest can tell from the one behind it", name)
	}
	return Digest{realm, digestOf(false, name, realm, password), digestOf(true, name, realm, password)}, nil
}

// checkDigestText returns an error for a text with characters that clients quote in different ways,
// so that their hashes would differ. what names the text in the error: name or realm.
func checkDigestText(what, text string) error {
	if text == "" || len(text) > 128 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return fmt.Errorf("the %s %.130q is no text of 1 to 128 bytes without quotes, backslashes and control characters, which clients write in different ways", what, text)
	}
	return nil
}

// Check returns an error if the Digest of a user, or the name of the user, is invalid.
func (d Digest) Check(name string) error {
	if err := errors.Join(checkDigestText("name", name), checkDigestText("realm", d.Realm)); err != nil {
		return err
	}
	if d.MD5 == "" && d.SHA256 == "" {
		return errors.New("neither md5 nor sha256 is there: spool passwd --digest prints both")
	}
	for _, a := range []struct {
		name, text string
		bytes      int
	}{{"md5", d.MD5, md5.Size}, {"sha256", d.SHA256, sha256.Size}} {
		if b, err := hex.DecodeString(a.text); a.text != "" && (err != nil || len(b) != a.bytes) {
			return fmt.Errorf("%s is not %d hexadecimal digits: spool passwd --digest prints them", a.name, 2*a.bytes)
		}
	}
	return nil
}

// Response is a client's response to the challenge of a server, each part as the client wrote it (RFC
// 7616, 3.4).
type Response struct {
	SHA256             bool // the algorithm is SHA-256, else MD5
	Name, Realm, Nonce string
	Method, URI        string // method and URI of the request that the response authenticates
	// QOP is the quality of protection (qop), Count the nonce count (nc), ClientNonce the cnonce. All
	// are empty for a client without quality of protection (RFC 2069).
	QOP, Count, ClientNonce string
	Hash                    string // the response itself, in hexadecimal
}

// Digests checks digest responses, and passwords of users with a Digest. A check costs only a few
// hashes of short texts. It compares in constant time and takes as long for an unknown name as for a
// known one. It is safe for concurrent use.
//
// In a minute a name may fail DefaultFailures times from one address, and all names together ten times
// as often from one address. Beyond these limits the checks of an address wait in a queue (see turns).
// Even there, right credentials are accepted, while wrong ones get a *BlockedError a second later. The
// second chance of a verifier would not work here, because a client sends another response to each
// challenge.
type Digests struct {
	realm string
	users map[string]Digest
	dummy Digest // checked for an unknown name, so that its check takes as long as that of a known one

	clock            pipeline.Clock
	names, strangers *attempts // limits of the failures of one name from one address, for known and for unknown names
	addresses        *attempts // limit of the failures of all names from one address
	turns            *turns    // the queues of the addresses that exceed one of the limits
}

// NewDigests returns the Digests of users by their names. All must have the same realm, because a
// server sends one realm in its challenge. The error names the user with an invalid Digest.
func NewDigests(users map[string]Digest, clock pipeline.Clock) (*Digests, error) {
	d := &Digests{
		users: map[string]Digest{}, clock: clock, names: newAttempts(clock, DefaultFailures),
		strangers: newAttempts(clock, DefaultFailures), addresses: newAttempts(clock, sharedFailures*DefaultFailures),
		turns: newTurns(clock),
	}
	for name, u := range users {
		if err := u.Check(name); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if d.realm != "" && u.Realm != d.realm {
			return nil, fmt.Errorf("%q: the realm is %q, and that of another user is %q: a server asks for one", name, u.Realm, d.realm)
		}
		u.MD5, u.SHA256 = strings.ToLower(u.MD5), strings.ToLower(u.SHA256)
		d.realm, d.users[name] = u.Realm, u
	}
	var err error
	d.dummy, err = HashDigest("nobody", "nowhere", "nothing")
	return d, err
}

// Realm returns the realm of all users, or "" without users.
func (d *Digests) Realm() string { return d.realm }

// Offers reports whether the server may offer an algorithm, SHA-256 or MD5, in its challenge: every
// user must have an HA1 by it, because a client chooses the algorithm before the server knows the
// user.
func (d *Digests) Offers(sha256 bool) bool {
	for _, u := range d.users {
		if u.ha1(sha256) == "" {
			return false
		}
	}
	return len(d.users) > 0
}

// Has reports whether the user with this name has a Digest.
func (d *Digests) Has(name string) bool { _, has := d.users[name]; return has }

func (d Digest) ha1(sha256 bool) string {
	if sha256 {
		return d.SHA256
	}
	return d.MD5
}

// Check returns nil for a right response. Otherwise it returns ErrWrong, or a *BlockedError beyond the
// limits of failures, and counts the failure in seen, which may be nil. remote is the client's
// address, with or without a port. known reports whether r.Name is the name of a user, with or without
// a Digest.
func (d *Digests) Check(ctx context.Context, seen *Failures, remote string, r Response, known bool) error {
	wait, right, err := d.limited(ctx, remote, r.Name, known, func() bool { return d.right(r) })
	if errors.Is(err, errHungUp) {
		return ErrWrong // the client has disconnected
	}
	if right {
		return nil
	}
	name, reason := r.Name, WrongPassword
	if !known {
		name, reason = "", UnknownName
	}
	if wait == 0 {
		seen.Count(reason, remote, name)
		return ErrWrong
	}
	seen.Count(Throttled, remote, name)
	return d.later(ctx, wait)
}

// limited calls check and returns its result in right. Within the limits of failures it calls check at
// once, and wait is 0. Beyond the limits the check waits in the queue of its address (see turns), and
// wait is the time until the next failure is allowed. limited returns errBusy or errHungUp, and does
// not call check, if the queue is full or ctx ends before the check is the first in the queue. known
// reports whether name is the name of a user.
func (d *Digests) limited(ctx context.Context, remote, name string, known bool, check func() bool) (wait time.Duration, right bool, err error) {
	address, of := RemoteOf(remote), d.names
	if !known {
		of = d.strangers
	}
	lane := address + " " + digestOf(true, name)
	waitName, _ := of.take(lane)
	waitAddress, _ := d.addresses.take(address)
	wait = max(waitName, waitAddress)
	if wait == 0 {
		if right = check(); !right {
			return 0, false, nil
		}
	}
	if waitName == 0 {
		of.giveBack(lane)
	}
	if waitAddress == 0 {
		d.addresses.giveBack(address)
	}
	if wait > 0 {
		right, err = d.turns.do(ctx, address, check)
	}
	return wait, right, err
}

// later waits for secondChance, or until ctx ends, then returns a *BlockedError with the time wait. The
// delay slows down a client that retries at once.
func (d *Digests) later(ctx context.Context, wait time.Duration) error {
	pipeline.Sleep(ctx, d.clock, secondChance, nil)
	return &BlockedError{wait}
}

// right reports whether a response proves that the client has the password of a user. The caller of
// Digests must have checked that the nonce is that of the challenge, and the URI that of the request.
func (d *Digests) right(r Response) bool {
	u, known := d.users[r.Name]
	if !known || u.ha1(r.SHA256) == "" {
		u, known = d.dummy, false
	}
	middle := r.Nonce
	switch strings.ToLower(r.QOP) {
	case "":
	case "auth":
		middle = strings.Join([]string{r.Nonce, r.Count, r.ClientNonce, r.QOP}, ":")
	default: // such as auth-int, which the challenge does not offer
		known = false
	}
	want := digestOf(r.SHA256, u.ha1(r.SHA256), middle, digestOf(r.SHA256, r.Method, r.URI))
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(r.Hash))) == 1 && known && r.Realm == d.realm
}

// CheckPassword checks a password against the Digest of a user, with the limits of failures of
// Check. It returns nil for the right password, and ErrWrong for a wrong one. It does not count a
// wrong password in seen, because the caller may check the same password in another way. If too
// many checks wait at the client's address, it does not check the password: it counts this in seen
// and returns a *BlockedError.
func (d *Digests) CheckPassword(ctx context.Context, seen *Failures, remote, name, password string) error {
	_, known := d.users[name]
	wait, right, err := d.limited(ctx, remote, name, known, func() bool { return d.rightPassword(name, password) })
	switch {
	case right:
		return nil
	case errors.Is(err, errBusy):
		if !known {
			name = ""
		}
		seen.Count(Throttled, remote, name)
		return d.later(ctx, wait)
	}
	return ErrWrong
}

func (d *Digests) rightPassword(name, password string) bool {
	u, known := d.users[name]
	if !known {
		u = d.dummy
	}
	if len(password) > maxPassword {
		return false
	}
	sha256 := u.SHA256 != ""
	got := digestOf(sha256, name, d.realm, password)
	return subtle.ConstantTimeCompare([]byte(got), []byte(u.ha1(sha256))) == 1 && known
}

// digestOf returns the hash, by SHA-256 or MD5, of texts joined by colons, in hexadecimal.
func digestOf(useSHA256 bool, parts ...string) string {
	text := []byte(strings.Join(parts, ":"))
	if useSHA256 {
		return fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return fmt.Sprintf("%x", md5.Sum(text)) // #nosec G401: see the import
}
