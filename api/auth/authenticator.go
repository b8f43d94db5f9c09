package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/gospool/spool/pipeline"
)

const (
	minToken    = 16   // characters; what is compared quickly must be long
	maxPassword = 1024 // bytes; what is hashed slowly must be bounded
	hashings    = 2    // at once; each holds 19 MiB
)

// Authenticator tells who callers are. It compares secrets in constant time, takes as
// long for a name that does not exist as for one that does, and is safe for use from
// many goroutines.
type Authenticator struct {
	users        map[string]*account
	tokens       []token
	attempts     attempts
	hashing      chan struct{}
	key          [32]byte // of the digests below; never leaves the process
	dummyAccount account  // checked for names that do not exist
}

type account struct {
	caller Caller
	hash   hash

	mu       sync.Mutex // guards what follows
	verified []byte     // keyed digest of the password that was right last: hashing takes 20 ms, pages ask often
}

type token struct {
	caller Caller
	digest [sha256.Size]byte
}

// New reads hashes and tokens. One remote may fail to sign in failures times a minute.
func New(c Config, failures int, clock pipeline.Clock) (*Authenticator, error) {
	a := &Authenticator{users: map[string]*account{}, hashing: make(chan struct{}, hashings)}
	a.attempts = attempts{clock: clock, limit: failures, remotes: map[string]*debt{}}
	_, _ = rand.Read(a.key[:]) // never fails (crypto/rand)
	for i, u := range c.Users {
		acc, err := newAccount(u)
		if err != nil {
			return nil, fmt.Errorf("http.auth.users %d %q: %w", i+1, u.Name, err)
		}
		if a.users[u.Name] != nil {
			return nil, fmt.Errorf("http.auth.users %d: %q is there twice", i+1, u.Name)
		}
		a.users[u.Name] = acc
		a.dummyAccount.hash = acc.hash // so that it costs the same
	}
	for i, t := range c.Tokens {
		tok, err := newToken(t)
		if err != nil {
			return nil, fmt.Errorf("http.auth.tokens %d: %w", i+1, err)
		}
		a.tokens = append(a.tokens, tok)
	}
	return a, nil
}

func newAccount(u User) (*account, error) {
	roles, err := RolesOf(u.Roles...)
	if err != nil {
		return nil, err
	}
	if u.Name == "" || strings.Contains(u.Name, ":") {
		return nil, fmt.Errorf("the name is empty or holds a colon, which basic authentication cannot carry")
	}
	h, err := parseHash(u.PasswordHash)
	return &account{caller: Caller{u.Name, roles}, hash: h}, err
}

func newToken(t Token) (token, error) {
	roles, err := RolesOf(t.Roles...)
	if err != nil {
		return token{}, err
	}
	name := "token"
	if t.Name != "" {
		name = "token " + t.Name
	}
	tok := token{caller: Caller{name, roles}}
	if digest, ok := strings.CutPrefix(t.Token, "sha256:"); ok {
		if n, err := hex.Decode(tok.digest[:], []byte(digest)[:min(len(digest), 2*sha256.Size)]); err != nil || n != sha256.Size || len(digest) != 2*sha256.Size {
			return token{}, fmt.Errorf("sha256: wants 64 hex digits after it")
		}
		return tok, nil
	}
	if len(t.Token) < minToken {
		return token{}, fmt.Errorf("the token has %d characters, at least %d are needed: openssl rand -hex 32 makes one", len(t.Token), minToken)
	}
	tok.digest = sha256.Sum256([]byte(t.Token))
	return tok, nil
}

// ByToken returns whose a token is: ErrWrong where it is unknown, a *BlockedError where
// the remote, host:port, has failed too often.
func (a *Authenticator) ByToken(remote, secret string) (Caller, error) {
	remote = RemoteOf(remote)
	if wait := a.attempts.blocked(remote); wait > 0 {
		return Caller{}, &BlockedError{wait}
	}
	who, ok := a.byToken(secret)
	if !ok {
		a.attempts.failed(remote)
		return Caller{}, ErrWrong
	}
	return who, nil
}

// ByPassword returns whose a name and password are; errors are those of ByToken.
func (a *Authenticator) ByPassword(ctx context.Context, remote, name, password string) (Caller, error) {
	remote = RemoteOf(remote)
	if wait := a.attempts.blocked(remote); wait > 0 {
		return Caller{}, &BlockedError{wait}
	}
	who, ok := a.byPassword(ctx, remote, name, password)
	if !ok {
		return Caller{}, ErrWrong
	}
	return who, nil
}

// byToken looks at every token, so that the time tells nothing.
func (a *Authenticator) byToken(secret string) (who Caller, ok bool) {
	digest := sha256.Sum256([]byte(secret))
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(digest[:], a.tokens[i].digest[:]) == 1 {
			who, ok = a.tokens[i].caller, true
		}
	}
	return who, ok
}

func (a *Authenticator) byPassword(ctx context.Context, remote, name, password string) (Caller, bool) {
	acc := a.users[name]
	known := acc != nil
	if !known {
		acc = &a.dummyAccount
	}
	digest := a.digest(name, password)
	if acc.seen(digest) {
		return acc.caller, true
	}
	a.attempts.failed(remote)
	if len(password) > maxPassword || len(a.users) == 0 || !a.hashed(ctx, acc, password) || !known {
		return Caller{}, false
	}
	a.attempts.forgiven(remote)
	acc.remember(digest)
	return acc.caller, true
}

// hashed checks a password the slow way, a few at once, for who has not hung up
// meanwhile.
func (a *Authenticator) hashed(ctx context.Context, acc *account, password string) bool {
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-a.hashing }()
	if ctx.Err() != nil {
		return false
	}
	return acc.hash.matches(password)
}

func (a *Authenticator) digest(name, password string) []byte {
	m := hmac.New(sha256.New, a.key[:])
	fmt.Fprintf(m, "%d:%s%s", len(name), name, password)
	return m.Sum(nil)
}

func (a *account) seen(digest []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return hmac.Equal(a.verified, digest)
}

func (a *account) remember(digest []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.verified = digest
}
