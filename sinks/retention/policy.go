package retention

import "time"

// Policy is what the user wants kept. A zero value wants nothing deleted.
type Policy struct {
	Limits
	DiskMaxPercent int        // of the disk, whoever filled it
	MassExpiry     MassExpiry // empty: MassWait

	// Streams are the policies of those that have their own.
	Streams map[string]StreamPolicy
}

// Limits hold for all footage, or for that of one stream. A zero is no limit.
type Limits struct {
	Expire      time.Duration // older footage goes
	MaxBytes    int64         // of footage
	MinFree     int64         // bytes of the disk that stay free
	KeepAtLeast time.Duration // younger footage stays, whatever happens
}

// StreamPolicy is that of one stream. Expire and KeepAtLeast stand in place of
// the global ones where they are not 0, a negative Expire is never; MaxBytes and
// MinFree hold beside them, and take from this stream only.
type StreamPolicy struct {
	Limits
	Priority int // footage of a lower one goes first; 0 for streams without a policy
}

// Active reports whether anything may ever be deleted.
func (p *Policy) Active() bool {
	if p.DiskMaxPercent > 0 || p.limits() {
		return true
	}
	for _, s := range p.Streams {
		if s.limits() {
			return true
		}
	}
	return false
}

func (l *Limits) limits() bool { return l.Expire > 0 || l.MaxBytes > 0 || l.MinFree > 0 }

// counted reports whether a rule counts the bytes of footage: it is looked at
// more often than hourly then.
func (p *Policy) counted() bool {
	for _, s := range p.Streams {
		if s.MaxBytes > 0 {
			return true
		}
	}
	return p.MaxBytes > 0
}

func (p *Policy) expire(stream string) time.Duration {
	if d := p.Streams[stream].Expire; d != 0 {
		return max(d, 0)
	}
	return p.Expire
}

func (p *Policy) keepAtLeast(stream string) time.Duration {
	if d := p.Streams[stream].KeepAtLeast; d != 0 {
		return d
	}
	return p.KeepAtLeast
}

func (p *Policy) priority(stream string) int { return p.Streams[stream].Priority }
