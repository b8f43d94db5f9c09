package media

// Pace learns the usual interval of a track's access units. It distinguishes a source of rare pictures (a
// time-lapse camera, a doorbell, an encoder that leaves out the pictures of a still scene) from a sender that
// fell silent.
//
// A step, the time between two access units, is unusual if it is longer than paceTimes the usual step. The
// usual step is the second longest of the last paceSteps steps, the current step included, or an earlier such
// value of the last day if that is longer. So the first step is usual, and a single long step is unusual. If
// pictures become rare, only the first of them is unusually late. The usual step is remembered for a day,
// because a camera that sends a picture every 30 s by night does so every night.
type Pace struct {
	recent [paceSteps]int64 // ring buffer of the last steps
	n      int
	usual  int64
	since  int64 // time at which the second longest of the recent steps was last at least usual/2
}

const (
	paceSteps = 8
	paceTimes = 5
	paceDay   = 24 * 3600 // seconds
)

// Known reports whether See was called.
func (p *Pace) Known() bool { return p.n > 0 }

// See adds a step that ends at the time at, and reports whether the step is usual. step and at are in ticks of
// the timescale.
func (p *Pace) See(step, at int64, timescale uint32) bool {
	p.recent[p.n%paceSteps] = step
	p.n++
	switch {
	case p.n == 1:
		p.usual, p.since = step, at
		return true
	case p.n == 2, at-p.since > paceDay*int64(timescale): // the usual step comes from one step, or is too old
		p.usual = 0
	}
	second := p.secondLongest()
	if second >= p.usual/2 {
		p.since = at
	}
	p.usual = max(p.usual, second)
	return step <= p.Longest()
}

// Longest returns the longest step that is not unusual, in ticks as See got them, and 0 before the
// first step.
func (p *Pace) Longest() int64 { return paceTimes * p.usual }

func (p *Pace) secondLongest() (second int64) {
	var longest int64
	for _, s := range p.recent[:min(p.n, paceSteps)] {
		longest, second = max(longest, s), max(second, min(longest, s))
	}
	return second
}
