package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	maxDebts = 4096             // remembered at once
	cleared  = 10 * time.Minute // after this time a failure no longer counts
)

// attempts limits the failures under one key: limit at once, and as many again each minute. It
// remembers a bounded number of keys.
type attempts struct {
	clock pipeline.Clock
	limit int

	mu    sync.Mutex // guards the fields below
	debts map[string]*debt
	swept time.Time // last removal of faded debts
}

// debt counts the failures under one key. They fade with time.
type debt struct {
	failures float64
	at       time.Time
}

func newAttempts(clock pipeline.Clock, limit int) *attempts {
	return &attempts{clock: clock, limit: limit, debts: map[string]*debt{}}
}

func (a *attempts) faded(d *debt, now time.Time) float64 {
	return max(0, d.failures-now.Sub(d.at).Minutes()*float64(a.limit))
}

// take counts a failure, or returns how long to wait until one is allowed. A failure is counted
// before a slow check begins and given back after a success, so that many checks at once are not
// free. clean reports that no failure of this key is remembered.
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

// add counts a failure without a preceding take.
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
	d.failures, d.at = min(a.faded(d, now)+1, float64(2*a.limit)), now // checks that ran at once must not block for ever
}

// blocked returns how long no failure is allowed.
func (a *attempts) blocked(key string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.debts[key]
	if d == nil {
		return 0
	}
	return a.wait(d, a.clock.Now())
}

func (a *attempts) wait(d *debt, now time.Time) time.Duration {
	over := a.faded(d, now) - float64(a.limit-1)
	return max(0, time.Duration(over/float64(a.limit)*float64(time.Minute)))
}

// giveBack removes one failure.
func (a *attempts) giveBack(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.debts[key]; d != nil {
		if d.failures--; d.failures <= 0 {
			delete(a.debts, key)
		}
	}
}

// makeRoom removes faded debts from time to time, and if the table is still full, an arbitrary one:
// the table stays bounded and cheap against an attacker with many addresses.
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

// RemoteOf returns the key under which the attempts of an address (with or without a port) are
// counted: the address, or the /64 of IPv6 that one host commonly owns.
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
		p, _ := ip.WithZone("").Prefix(64) // 64 fits
		return p.String()
	}
	return ip.String()
}
