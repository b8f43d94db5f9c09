package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	maxDebts = 4096             // largest number of keys that attempts remembers
	cleared  = 10 * time.Minute // time without a change of a debt after which its key counts as clean: see take
)

// attempts limits the failed checks under each key, such as an address. The field limit is the number
// of checks that may fail at once, and then the number that may fail in a minute. attempts remembers
// at most maxDebts keys. It is safe for concurrent use.
type attempts struct {
	clock pipeline.Clock
	limit int

	mu    sync.Mutex       // guards the fields below
	debts map[string]*debt // debts by the key under which failures are counted
	swept time.Time        // when makeRoom last removed the debts that have faded to 0
}

// debt is the number of failures under one key. It fades by attempts.limit a minute.
type debt struct {
	failures float64   // number of failures at the time at
	at       time.Time // when take or add last changed failures
}

func newAttempts(clock pipeline.Clock, limit int) *attempts {
	return &attempts{clock: clock, limit: limit, debts: map[string]*debt{}}
}

// faded returns the failures of a debt that remain at the time now.
func (a *attempts) faded(d *debt, now time.Time) float64 {
	return max(0, d.failures-now.Sub(d.at).Minutes()*float64(a.limit))
}

// take allows a check under a key, counts it as a failure and returns wait 0. At the limit it counts
// nothing, and wait is the time until the next check is allowed. The caller calls giveBack if the
// check succeeds. The failure is counted before the check, so that a client cannot exceed the limit
// with many checks at once. clean reports whether the key had no debt, or one that take and add have
// not changed for the time cleared.
func (a *attempts) take(key string) (wait time.Duration, clean bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	d := a.debts[key]
	if d == nil {
		a.makeRoom(now)
		a.debts[key] = &debt{1, now}
		return 0, true
	}
	if wait := a.wait(d, now); wait > 0 {
		return wait, false
	}
	clean = now.Sub(d.at) >= cleared
	d.failures, d.at = a.faded(d, now)+1, now
	return 0, clean
}

// add counts a failure under a key, even beyond the limit.
func (a *attempts) add(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	d := a.debts[key]
	if d == nil {
		a.makeRoom(now)
		d = &debt{}
		a.debts[key] = d
	}
	d.failures, d.at = min(a.faded(d, now)+1, float64(2*a.limit)), now // even many failures at once fade in two minutes
}

// blocked returns the time until take allows the next check under a key, 0 if take allows one now.
// It counts nothing.
func (a *attempts) blocked(key string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.debts[key]
	if d == nil {
		return 0
	}
	return a.wait(d, a.clock.Now())
}

// wait returns the time until take allows a check under the key of a debt: until at most a.limit-1
// failures remain at the time now.
func (a *attempts) wait(d *debt, now time.Time) time.Duration {
	over := a.faded(d, now) - float64(a.limit-1)
	return max(0, time.Duration(over/float64(a.limit)*float64(time.Minute)))
}

// giveBack undoes the count of take under a key, because the check has succeeded.
func (a *attempts) giveBack(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.debts[key]; d != nil {
		if d.failures--; d.failures <= 0 {
			delete(a.debts, key)
		}
	}
}

// makeRoom makes room for one more key if maxDebts keys are remembered. At most once a minute it
// removes all debts that have faded to 0. If that is not enough, it removes arbitrary debts, so that
// an attacker with many addresses costs little memory and time. The caller holds a.mu.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.debts) < maxDebts {
		return
	}
	if now.Sub(a.swept) >= time.Minute {
		a.swept = now
		for key, d := range a.debts {
			if a.faded(d, now) == 0 {
				delete(a.debts, key)
			}
		}
	}
	for key := range a.debts {
		if len(a.debts) < maxDebts {
			return
		}
		delete(a.debts, key)
	}
}

// RemoteOf returns the key under which the failures of a client's address are counted. addr may have a
// port. The key is the IPv4 address, or the first 64 bits of an IPv6 address, because one host often
// has all addresses with this prefix.
func RemoteOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		ap, err := netip.ParseAddrPort(addr)
		if err != nil {
			return addr
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap()
	if ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64) // no error: an IPv6 address has 128 bits
		return p.String()
	}
	return ip.String()
}
