package media

// Pace is how often something comes, so that pictures that are simply rare (of a
// time-lapse camera, a doorbell, an encoder that leaves out pictures of a scene that
// stands still) are told from a sender that fell silent.
//
// The rule: a step in time is unusual if it is longer than paceTimes the longest step
// that is usual. Usual is the second longest of the last paceSteps steps, the one in
// question among them: so the first step of all is usual, since nothing is known of
// it; one that is long once is not; and where pictures become rare, at most the first
// of them comes unusually late. What was usual is remembered for a day: a camera that
// sends a picture in 30 s by night does so every night.
type Pace struct {
	recent [paceSteps]int64 // a ring
	n      int
	usual  int64
	since  int64 // when a step last came near to usual
}

const (
	paceSteps = 8
	paceTimes = 5
	paceDay   = 24 * 3600 // seconds
)

// Known reports whether there was a step.
func (p *Pace) Known() bool { return p.n > 0 }

// See takes in the step to a time, both in ticks of a timescale, and reports whether
// it is a usual one.
func (p *Pace) See(step, at int64, timescale uint32) bool {
	p.recent[p.n%paceSteps] = step
	p.n++
	switch {
	case p.n == 1:
		p.usual, p.since = step, at
		return true
	case p.n == 2, at-p.since > paceDay*int64(timescale): // what was known is of one step, or old
		p.usual = 0
	}
	second := p.secondLongest()
	if second >= p.usual/2 {
		p.since = at
	}
	p.usual = max(p.usual, second)
	return step <= p.Longest()
}

// Longest is the longest step that is not unusual, in the same ticks; 0 while none is
// known.
func (p *Pace) Longest() int64 { return paceTimes * p.usual }

func (p *Pace) secondLongest() (second int64) {
	var longest int64
	for _, s := range p.recent[:min(p.n, paceSteps)] {
		longest, second = max(longest, s), max(second, min(longest, s))
	}
	return second
}
