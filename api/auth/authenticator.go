package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"github.com/gospool/spool/pipeline"
)

const (
	minToken    = 16   // fewest characters of a token: too long to guess, because wrong tokens are not limited
	maxPassword = 1024 // most bytes of a password: this bounds the work of a check
)

// Authenticator identifies callers by token, or by name and password. It compares secrets in constant
// time and takes as long for an unknown name as for a known one. It is safe for concurrent use.
type Authenticator struct {
	passwords *verifier
	tokens    []token
	failures  *Failures
}

type token struct {
	caller Caller
	digest [sha256.Size]byte
}

// New returns an Authenticator of the users and tokens in c. Its error names the user or token that is
// invalid. failures is the number of failed sign-ins that a name may have from one address in a
// minute. seen counts failed sign-ins; it may be nil.
func New(c Config, failures int, clock pipeline.Clock, seen *Failures) (*Authenticator, error) {
	passwords, err := newVerifier(c.Users, failures, clock)
	if err != nil {
		return nil, fmt.Errorf("http.auth.%w", err)
	}
	a := &Authenticator{passwords: passwords, failures: seen}
	for i, t := range c.Tokens {
		tok, err := newToken(t)
		if err != nil {
			return nil, fmt.Errorf("http.auth.tokens %d: %w", i+1, err)
		}
		a.tokens = append(a.tokens, tok)
	}
	return a, nil
}

func newToken(t Token) (token, error) {
	name := "token"
	if t.Name != "" {
		name = "token " + t.Name
	}
	who, err := newCaller(name, t.Roles, t.Streams)
	if err != nil {
		return token{}, err
	}
	tok := token{caller: who}
	if len(t.Token) >= len(digestPrefix) && t.Token[:len(digestPrefix)] == digestPrefix {
		digest := t.Token[len(digestPrefix):]
		if n, err := hex.Decode(tok.digest[:], []byte(digest)[:min(len(digest), 2*sha256.Size)]); err != nil || n != sha256.Size || len(digest) != 2*sha256.Size {
			return token{}, fmt.Errorf("sha256: wants 64 hex digits after it")
		}
		return tok, nil
	}
	if len(t.Token) < minToken {
		return token{}, fmt.Errorf("the token has %d characters, at least %d are needed: spool token makes one", len(t.Token), minToken)
	}
	tok.digest = sha256.Sum256([]byte(t.Token))
	return tok, nil
}

// digestPrefix marks a configured token that is given by its SHA-256 digest.
const digestPrefix = "sha256:"

// ByToken returns the caller with a token, or ErrWrong for an unknown token. remote is the client's
// address, for the log. The number of attempts is not limited: a token is too long to guess.
func (a *Authenticator) ByToken(remote, secret string) (Caller, error) {
	who, ok := a.KnownToken(secret)
	if !ok {
		a.failures.Count(WrongToken, remote, "")
		return Caller{}, ErrWrong
	}
	return who, nil
}

// ByPassword returns the caller with a name and password. The error is ErrWrong if they are wrong,
// and a *BlockedError beyond the limits of failed sign-ins: see verifier. remote is the client's
// address, with or without a port.
func (a *Authenticator) ByPassword(ctx context.Context, remote, name, password string) (Caller, error) {
	acc, err := a.passwords.verify(ctx, a.failures, remote, name, password)
	if err != nil {
		return Caller{}, err
	}
	return acc.caller, nil
}

// KnownToken returns the caller with a token, and false for an unknown token. It counts no failed
// sign-in. It always compares with every configured token, so that its time reveals nothing.
func (a *Authenticator) KnownToken(secret string) (who Caller, ok bool) {
	digest := sha256.Sum256([]byte(secret))
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(digest[:], a.tokens[i].digest[:]) == 1 {
			who, ok = a.tokens[i].caller, true
		}
	}
	return who, ok
}

// KnownPassword returns the caller with a name if the password is the last one that ByPassword has
// accepted for this name, else false. It hashes no password and counts no failed sign-in.
func (a *Authenticator) KnownPassword(name, password string) (Caller, bool) {
	acc, ok := a.passwords.known(name, password)
	if !ok {
		return Caller{}, false
	}
	return acc.caller, true
}
