package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	minToken    = 16   // characters; what is compared quickly must be long
	maxPassword = 1024 // bytes; what is hashed slowly must be bounded
	hashings    = 2    // at once; each holds 19 MiB
)

// door lets callers in. It compares secrets in constant time, takes as long for
// a name that does not exist as for one that does, and is safe for use from many
// goroutines.
type door struct {
	open     bool
	users    map[string]*account
	tokens   []token
	attempts attempts
	hashing  chan struct{}
	key      [32]byte // of the digests below; never leaves the process
	stranger account  // checked for names that do not exist
}

type account struct {
	caller Caller
	hash   hash

	mu       sync.Mutex
	verified []byte // keyed digest of the password that was right last: hashing takes 20 ms, pages ask often
}

type token struct {
	caller Caller
	digest [sha256.Size]byte
}

func newDoor(a Auth, l Limits, clock pipeline.Clock) (*door, error) {
	d := &door{open: a.Open(), users: map[string]*account{}, hashing: make(chan struct{}, hashings)}
	d.attempts = attempts{clock: clock, limit: l.LoginFailures, remotes: map[string]*debt{}}
	_, _ = rand.Read(d.key[:]) // never fails (crypto/rand)
	for i, u := range a.Users {
		acc, err := newAccount(u)
		if err != nil {
			return nil, fmt.Errorf("http.auth.users %d %q: %w", i+1, u.Name, err)
		}
		if d.users[u.Name] != nil {
			return nil, fmt.Errorf("http.auth.users %d: %q is there twice", i+1, u.Name)
		}
		d.users[u.Name] = acc
		d.stranger.hash = acc.hash // so that it costs the same
	}
	for i, t := range a.Tokens {
		tok, err := newToken(t)
		if err != nil {
			return nil, fmt.Errorf("http.auth.tokens %d: %w", i+1, err)
		}
		d.tokens = append(d.tokens, tok)
	}
	return d, nil
}

func newAccount(u User) (*account, error) {
	role, err := highest(u.Roles)
	if err != nil {
		return nil, err
	}
	if u.Name == "" || strings.Contains(u.Name, ":") {
		return nil, fmt.Errorf("the name is empty or holds a colon, which basic authentication cannot carry")
	}
	h, err := parseHash(u.PasswordHash)
	return &account{caller: Caller{u.Name, role}, hash: h}, err
}

func newToken(t Token) (token, error) {
	role, err := highest(t.Roles)
	if err != nil {
		return token{}, err
	}
	name := "token"
	if t.Name != "" {
		name = "token " + t.Name
	}
	tok := token{caller: Caller{name, role}}
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

// admit says who makes a request, or with an *Error (401, 403, 429) why he may not.
func (d *door) admit(r *http.Request, need Role) (Caller, error) {
	if d.open {
		return Caller{"anybody", Admin}, nil
	}
	who, err := d.identify(r)
	if need == "" && err != nil {
		return Caller{}, nil // for everybody, and who he is only adds detail
	}
	if err != nil {
		return Caller{}, err
	}
	if who.Role.rank() < need.rank() {
		return Caller{}, failure(http.StatusForbidden, "%s may not do this: it takes the role %s", who.Name, need)
	}
	return who, nil
}

func (d *door) identify(r *http.Request) (Caller, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	name, password, basic := r.BasicAuth()
	bearer := strings.EqualFold(scheme, "Bearer")
	if !basic && !bearer {
		return Caller{}, failure(http.StatusUnauthorized, "sign in with a name and password or a bearer token")
	}
	remote := remoteOf(r.RemoteAddr)
	if wait := d.attempts.blocked(remote); wait > 0 {
		return Caller{}, &Error{Code: http.StatusTooManyRequests, Text: "too many failed attempts to sign in", Retry: wait.Round(time.Second) + time.Second}
	}
	var who Caller
	var ok bool
	if bearer {
		if who, ok = d.byToken(strings.TrimSpace(secret)); !ok {
			d.attempts.failed(remote)
		}
	} else {
		who, ok = d.byPassword(r.Context(), remote, name, password)
	}
	if !ok {
		return Caller{}, failure(http.StatusUnauthorized, "name, password or token is wrong")
	}
	return who, nil
}

// byToken looks at every token, so that the time tells nothing.
func (d *door) byToken(secret string) (who Caller, ok bool) {
	digest := sha256.Sum256([]byte(secret))
	for i := range d.tokens {
		if subtle.ConstantTimeCompare(digest[:], d.tokens[i].digest[:]) == 1 {
			who, ok = d.tokens[i].caller, true
		}
	}
	return who, ok
}

func (d *door) byPassword(ctx context.Context, remote, name, password string) (Caller, bool) {
	acc := d.users[name]
	known := acc != nil
	if !known {
		acc = &d.stranger
	}
	digest := d.digest(name, password)
	if acc.seen(digest) {
		return acc.caller, true
	}
	d.attempts.failed(remote)
	if len(password) > maxPassword || len(d.users) == 0 || !d.hashed(ctx, acc, password) || !known {
		return Caller{}, false
	}
	d.attempts.forgiven(remote)
	acc.remember(digest)
	return acc.caller, true
}

// hashed checks a password the slow way, a few at once, for who has not hung up
// meanwhile.
func (d *door) hashed(ctx context.Context, acc *account, password string) bool {
	select {
	case d.hashing <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-d.hashing }()
	if ctx.Err() != nil {
		return false
	}
	return acc.hash.matches(password)
}

func (d *door) digest(name, password string) []byte {
	m := hmac.New(sha256.New, d.key[:])
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

// refuse answers a caller who may not, and tells a browser to ask for a password.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e := shown(err); e != nil && e.Code == http.StatusUnauthorized {
		w.Header().Add("WWW-Authenticate", `Basic realm="spool", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="spool"`)
	}
	s.fail(w, r, err)
}
