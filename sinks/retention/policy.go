package retention

import "time"

// Policy holds the user's retention settings. The zero value deletes nothing.
type Policy struct {
	Limits
	DiskMaxPercent int        // percentage of the disk that all programs together may use; 0: no limit
	MassExpiry     MassExpiry // empty: MassWait

	// Streams holds, by path, the policies of the streams that have one of their own.
	Streams map[string]StreamPolicy
}

// Limits apply to all footage, or to that of one stream. A zero means no limit.
type Limits struct {
	Expire       time.Duration // age at which footage is deleted
	MaxBytes     int64         // the most bytes of footage
	MinFreeBytes int64         // the fewest free bytes of the disk
	KeepAtLeast  time.Duration // age below which footage is never deleted
}

// StreamPolicy is the policy of one stream. Expire and KeepAtLeast replace the global values
// unless they are 0; with a negative Expire the stream's footage never expires. MaxBytes and
// MinFreeBytes apply in addition to the global values, and delete footage of this stream only.
type StreamPolicy struct {
	Limits
	Priority int // footage of a lower priority is deleted first; a stream without a policy has priority 0
}

// Active reports whether any limit is configured that can delete footage.
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

// counted reports whether a MaxBytes is configured, for all footage or for one stream. The keeper then
// scans the directory more often: see scanEvery.
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
