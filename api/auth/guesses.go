package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	secondChance = time.Second // after this time a password that was refused unchecked may be sent again
	maxRefused   = 32 << 10    // remembered refused passwords: more than arrive within secondChance
	maxWrong     = 8 << 10     // remembered wrong passwords
)

// secret is the keyed digest of a name and a password.
type secret [sha256.Size]byte

// guesses remembers the digests of passwords that were refused unchecked, and of wrong ones. A
// person or a camera sends the same password again, which is then checked; a guesser sends a
// different one. A known wrong password is not hashed again.
type guesses struct {
	mu             sync.Mutex // guards the fields below
	refused, wrong recent
}

// returns reports whether a password was refused unchecked at least secondChance ago and may be
// checked now. Else it remembers the password, and wait is the time until it may.
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

// recent holds the newest secrets, up to a bound, in memory that grows with them.
type recent struct {
	at   map[secret]time.Time
	ring []secret
	next int
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
