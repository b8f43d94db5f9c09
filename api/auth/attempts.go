package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

// maxRemotes bounds what is remembered of those who failed to sign in.
const maxRemotes = 4096

// attempts limits how often one remote may fail to sign in: a number at once,
// and as many again in a minute.
type attempts struct {
	clock pipeline.Clock
	limit int

	mu      sync.Mutex // guards what follows
	remotes map[string]*debt
	swept   time.Time // when debts that have faded were last forgotten
}

// debt is a remote's failures, which fade with time.
type debt struct {
	failures float64
	at       time.Time
}

func (a *attempts) faded(d *debt, now time.Time) float64 {
	return max(0, d.failures-now.Sub(d.at).Minutes()*float64(a.limit))
}

// blocked is how long a remote has to wait before it may try again, 0 if it may.
func (a *attempts) blocked(remote string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.remotes[remote]
	if d == nil {
		return 0
	}
	over := a.faded(d, a.clock.Now()) - float64(a.limit-1)
	if over <= 0 {
		return 0
	}
	return time.Duration(over / float64(a.limit) * float64(time.Minute))
}

// failed counts a failure. It is counted before a slow check begins and forgiven
// after, so that many at once are not free.
func (a *attempts) failed(remote string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	d := a.remotes[remote]
	if d == nil {
		a.makeRoom(now)
		d = &debt{}
		a.remotes[remote] = d
	}
	d.failures, d.at = a.faded(d, now)+1, now
}

// forgiven takes one failure back.
func (a *attempts) forgiven(remote string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.remotes[remote]; d != nil {
		d.failures = max(0, d.failures-1)
	}
}

// makeRoom forgets who has no debt left, now and then, and if the table is full
// nevertheless, any one of them: it stays bounded, and cheap, against an attacker
// with many addresses.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.remotes) < maxRemotes {
		return
	}
	if now.Sub(a.swept) >= time.Minute {
		a.swept = now
		for remote, d := range a.remotes {
			if a.faded(d, now) == 0 {
				delete(a.remotes, remote)
			}
		}
	}
	for remote := range a.remotes {
		if len(a.remotes) < maxRemotes {
			return
		}
		delete(a.remotes, remote)
	}
}

// RemoteOf is whom attempts are counted for: an address, of IPv6 the /64 that
// one host commonly owns.
func RemoteOf(addr string) string {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64) // 64 fits
		return p.String()
	}
	return ip.String()
}
