package retention

import "time"

// Policy holds the user's retention settings. The zero value deletes nothing.
type Policy struct {
	Limits
	DiskMaxPercent int        // of the disk, filled by any program
	MassExpiry     MassExpiry // empty: MassWait

	// Streams holds the policies of streams that have their own.
	Streams map[string]StreamPolicy
}

// Limits apply to all footage, or to that of one stream. A zero means no limit.
type Limits struct {
	Expire       time.Duration // older footage is deleted
	MaxBytes     int64         // of footage
	MinFreeBytes int64         // bytes of the disk to keep free
	KeepAtLeast  time.Duration // younger footage is never deleted
}

// StreamPolicy is the policy of one stream. Expire and KeepAtLeast replace the global values
// unless they are 0; a negative Expire means never. MaxBytes and MinFree apply in addition to
// the global ones, and delete footage of this stream only.
type StreamPolicy struct {
	Limits
	Priority int // footage with a lower one is deleted first; 0 for streams without a policy
}

// Active reports whether the policy can delete anything.
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

func (l *Limits) limits() bool { return l.Expire > 0 || l.MaxBytes > 0 || l.MinFreeBytes > 0 }

// counted reports whether a rule counts the bytes of footage: scans are then more frequent.
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
