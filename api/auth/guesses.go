package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	secondChance = time.Second // time after which a client may send a password again that was refused unchecked
	maxRefused   = 32 << 10    // most refused passwords that are remembered: more than usually arrive in secondChance
	maxWrong     = 8 << 10     // number of wrong passwords that are remembered
)

// secret is the HMAC-SHA-256 of a name and a password, by a key that only this process has.
type secret [sha256.Size]byte

// guesses remembers the secrets of passwords that were refused unchecked, and of wrong passwords. A
// refused password that a client sends again is checked: a person or a camera sends the same password
// again, while a guesser sends a different one. A wrong password that a client sends again is not
// hashed again.
type guesses struct {
	mu             sync.Mutex // guards the fields below
	refused, wrong recent
}

// returns decides whether a password that is beyond the limits has a second chance (see verifier).
// again is true if the password was refused unchecked at least secondChance ago: the client may now
// have it checked. Otherwise wait is the time until the client may send it again. A password that is
// not remembered as refused is now remembered so.
func (g *guesses) returns(s secret, now time.Time) (wait time.Duration, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first, known := g.refused.at[s]
	passed := now.Sub(first)
	switch {
	case known && passed >= secondChance:
		return 0, true
	case known && passed >= 0:
		return secondChance - passed, false
	}
	g.refused.add(s, now, maxRefused)
	return secondChance, false
}

func (g *guesses) isWrong(s secret) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, known := g.wrong.at[s]
	return known
}

func (g *guesses) foundWrong(s secret, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong.add(s, now, maxWrong)
}

// recent holds the newest secrets, up to a bound, with the time at which each was last added. Its
// memory grows with the number of secrets.
type recent struct {
	at   map[secret]time.Time
	ring []secret // the keys of at, in the order in which they were added
	next int      // index of the oldest secret in ring when ring is full
}

func (r *recent) add(s secret, now time.Time, most int) {
	if r.at == nil {
		r.at = map[secret]time.Time{}
	}
	if _, known := r.at[s]; known {
		r.at[s] = now
		return
	}
	r.at[s] = now
	if len(r.ring) < most {
		r.ring = append(r.ring, s)
		return
	}
	delete(r.at, r.ring[r.next])
	r.ring[r.next] = s
	r.next = (r.next + 1) % most
}
