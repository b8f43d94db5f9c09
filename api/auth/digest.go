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

// Digest replaces a password for clients that send only the response to a challenge (RFC 7616). It
// holds HA1 for each algorithm: the hash of name:realm:password. An HA1 allows to sign in to its
// realm like the password itself. It does not reveal a strong password to other realms.
type Digest struct {
	Realm  string
	MD5    string // hexadecimal; empty: the algorithm is not offered
	SHA256 string // likewise
}

// HashDigest returns the Digest of a user.
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

// checkDigestText refuses characters that clients quote in different ways.
func checkDigestText(what, text string) error {
	if text == "" || len(text) > 128 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return fmt.Errorf("the %s %.130q is no text of 1 to 128 bytes without quotes, backslashes and control characters, which clients write in different ways", what, text)
	}
	return nil
}

// Check returns the error of a user's digest.
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

// Response is a client's response to a challenge, each part as the client wrote it (RFC 7616, 3.4).
// QOP, Count and ClientNonce are empty for a client without quality of protection (RFC 2069).
type Response struct {
	SHA256                  bool // else MD5
	Name, Realm, Nonce      string
	Method, URI             string
	QOP, Count, ClientNonce string
	Hash                    string // hexadecimal
}

// Digests checks responses to challenges, and passwords of users with a digest. Both cost only a
// few hashes of short texts. It compares in constant time, and takes as long for an unknown name.
// It is safe for concurrent use.
//
// Failures are limited as by a verifier: a name at an address past its failures of a minute, or an
// address past ten times as many, is checked in turn (see turns), whether it is right or wrong. A
// right one is accepted; a wrong one gets a BlockedError a second later. A response cannot have a
// second chance, because each challenge differs.
type Digests struct {
	realm string
	users map[string]Digest
	dummy Digest // for unknown names

	clock            pipeline.Clock
	names, strangers *attempts // by name and address: of known names, and of all others
	addresses        *attempts // under all names
	turns            *turns    // of addresses past one of these limits
}

// NewDigests takes the digests of users by name. All have the same realm, because a server sends
// one.
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

// Realm returns the realm of the digests, empty without any.
func (d *Digests) Realm() string { return d.realm }

// Offers reports whether every user with a digest has one of the algorithm: a client responds with
// the strongest offered algorithm, before the server knows its user.
func (d *Digests) Offers(sha256 bool) bool {
	for _, u := range d.users {
		if u.ha1(sha256) == "" {
			return false
		}
	}
	return len(d.users) > 0
}

// Has reports whether a user has a digest.
func (d *Digests) Has(name string) bool { _, has := d.users[name]; return has }

func (d Digest) ha1(sha256 bool) string {
	if sha256 {
		return d.SHA256
	}
	return d.MD5
}

// Check returns nil for a right response, else ErrWrong or a *BlockedError, and counts the failure
// in seen, which may be nil. remote is an address, with or without a port. known reports whether
// the name is that of a user, who may have no digest.
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

// limited calls check at once, or in turn after too many failures: then wait is the remaining time
// of the limit. After errBusy and errHungUp, check was not called.
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

// later returns the error after a second, which slows down a client that retries.
func (d *Digests) later(ctx context.Context, wait time.Duration) error {
	pipeline.Sleep(ctx, d.clock, secondChance, nil)
	return &BlockedError{wait}
}

// right reports whether a response is that of a user with the password. The caller checks that its
// nonce and URI are those of the challenge and the request.
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
	default: // auth-int was not offered
		known = false
	}
	want := digestOf(r.SHA256, u.ha1(r.SHA256), middle, digestOf(r.SHA256, r.Method, r.URI))
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(r.Hash))) == 1 && known && r.Realm == d.realm
}

// CheckPassword returns nil for the password of a user's digest, else ErrWrong or a *BlockedError.
// After a *BlockedError, which it counts in seen, the password was not checked. A wrong password is
// limited like a response, and not counted in seen.
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

// digestOf returns the hexadecimal hash of texts joined by colons.
func digestOf(useSHA256 bool, parts ...string) string {
	text := []byte(strings.Join(parts, ":"))
	if useSHA256 {
		return fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return fmt.Sprintf("%x", md5.Sum(text)) // #nosec G401: see the import
}
