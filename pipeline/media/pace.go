package media

// Pace learns the usual interval of access units, to distinguish pictures that are rare (of a time-
// lapse camera, a doorbell, an encoder that leaves out pictures of a still scene) from a sender
// that fell silent.
//
// The rule: a step in time is unusual if it is longer than paceTimes the longest usual step. That
// is the second longest of the last paceSteps steps, the current one included. So the first step of
// all is usual; a single long step is unusual; and when pictures become rare, at most the first of
// them is unusually late. The usual step is remembered for a day: a camera that sends a picture
// each 30 s by night does so every night.
type Pace struct {
	recent [paceSteps]int64 // a ring buffer
	n      int
	usual  int64
	since  int64 // time of the last step close to usual
}

const (
	paceSteps = 8
	paceTimes = 5
	paceDay   = 24 * 3600 // seconds
)

// Known reports whether there was a step.
func (p *Pace) Known() bool { return p.n > 0 }

// See adds the step that ends at a time, both in ticks of a timescale, and reports whether it is
// usual.
func (p *Pace) See(step, at int64, timescale uint32) bool {
	p.recent[p.n%paceSteps] = step
	p.n++
	switch {
	case p.n == 1:
		p.usual, p.since = step, at
		return true
	case p.n == 2, at-p.since > paceDay*int64(timescale): // the knowledge comes from one step, or is old
		p.usual = 0
	}
	second := p.secondLongest()
	if second >= p.usual/2 {
		p.since = at
	}
	p.usual = max(p.usual, second)
	return step <= p.Longest()
}

// Longest returns the longest step that is not unusual, in the same ticks; 0 while no step is
// known.
func (p *Pace) Longest() int64 { return paceTimes * p.usual }

func (p *Pace) secondLongest() (second int64) {
	var longest int64
	for _, s := range p.recent[:min(p.n, paceSteps)] {
		longest, second = max(longest, s), max(second, min(longest, s))
	}
	return second
}
