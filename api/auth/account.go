package auth

import (
	"crypto/hmac"
	"fmt"
	"strings"
	"sync"
)

// account holds a user with the parsed password hash.
type account struct {
	caller Caller
	hash   hash

	mu       sync.Mutex // guards the fields below
	verified *secret    // secret of the last right password, which is not hashed again; nil: none was right yet
}

func newAccount(u User) (*account, error) {
	who, err := newCaller(u.Name, u.Roles, u.Streams)
	if err != nil {
		return nil, err
	}
	if u.Name == "" || strings.Contains(u.Name, ":") {
		return nil, fmt.Errorf("the name is empty or holds a colon, which basic authentication cannot carry")
	}
	h, err := parseHash(u.PasswordHash)
	return &account{caller: who, hash: h}, err
}

// seen reports whether s is the secret of the password that was right last. Its time does not
// depend on s.
func (a *account) seen(s secret) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	verified := a.verified
	if verified == nil {
		verified = &secret{} // so that the comparison takes the same time
	}
	return hmac.Equal(verified[:], s[:]) && a.verified != nil
}

func (a *account) remember(s secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.verified = &s
}
