package hls

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// line puts the units of all renditions on one timeline, and publishes them. A period begins at a
// discontinuity, and ends before the next one: the times of the stream go on within it. The line goes on without a break from
// one period to the next.
type line struct {
	Options
	pub     *hub.Publisher
	sets    []*tracks  // of the renditions; nil: not known yet
	lanes   [][]*lane  // of the renditions, by track
	left    [][]string // codecs that are not recorded, of the renditions
	counted counts     // until pub is known

	begun     bool
	period    uint64
	shiftNS   int64   // from the stream's clock to the line
	offsetsNS []int64 // of the renditions, before shiftNS: see align
	nowNS     int64   // time of the newest unit

	anchor time.Time // at which time 0 of the line is due
	behind bool      // the playlist has much more than is needed
	lastNS int64     // time of the newest unit that waited
	now    time.Time
	au     media.AU
}

// lane is a track of the line.
type lane struct {
	slot      int // index in the published tracks
	any       bool
	endNS     int64 // end of the newest unit, on the line
	lastNS    int64 // its time
	stepNS    int64 // duration of a unit
	lostUnits bool  // segments are missing before the next unit
}

// counts holds losses and repairs.
type counts struct{ lost, repaired map[string]uint64 }

func newLine(o Options) *line {
	return &line{Options: o, counted: counts{map[string]uint64{}, map[string]uint64{}}}
}

// add adds a rendition.
func (l *line) add() {
	l.sets, l.lanes = append(l.sets, nil), append(l.lanes, nil)
	l.left, l.offsetsNS = append(l.left, nil), append(l.offsetsNS, 0)
}

// enters reports whether a period is another one than that of the line.
func (l *line) enters(period uint64) bool { return !l.begun || period != l.period }

// place returns the decoding time of a unit on the line, ns.
func (l *line) place(r *rendition, u *unit) int64 { return u.ns() + l.shift(r.index) }

func (l *line) shift(rendition int) int64 { return l.shiftNS + l.offsetsNS[rendition] }

// enter begins a period with the next units of the renditions.
func (l *line) enter(ctx context.Context, period uint64, all []*rendition) error {
	var lossNS, leftNS int64
	var in []*rendition
	for _, r := range all {
		if len(r.units) > 0 && r.units[0].period == period {
			in = append(in, r)
			lossNS, leftNS = max(lossNS, r.units[0].lossNS), max(leftNS, r.units[0].leftNS)
		}
	}
	l.align(in)
	l.shiftNS = 0
	first := in[0]
	for _, r := range in {
		if l.place(r, r.units[0]) < l.place(first, first.units[0]) {
			first = r
		}
	}
	from := l.place(first, first.units[0])
	var shift int64
	found := false
	if l.begun {
		for _, r := range in {
			for _, u := range heads(r, period) {
				if k := l.lane(r.index, u); k != nil && k.any {
					if by := k.endNS - u.ns() - l.offsetsNS[r.index]; !found || by > shift {
						shift, found = by, true
					}
				}
			}
		}
	}
	if !found {
		shift = l.end() - from
	}
	l.shiftNS = shift
	if l.begun {
		l.shiftNS += lossNS
	}
	l.period = period
	for _, r := range in {
		r.units[0].leftNS = leftNS
		l.sets[r.index] = r.units[0].of
	}
	return l.publish(ctx)
}

// heads returns the first unit of each track of a rendition in a period, of those that were read.
func heads(r *rendition, period uint64) (all []*unit) {
	seen := map[int]bool{}
	for _, u := range r.units {
		if u.period == period && u.of == r.units[0].of && !seen[u.track] {
			seen[u.track] = true
			all = append(all, u)
		}
	}
	return all
}

// lane returns the lane of the track of a unit. It is nil before the first unit of the track is published.
func (l *line) lane(rendition int, u *unit) *lane {
	if lanes := l.lanes[rendition]; u.track < len(lanes) {
		return lanes[u.track]
	}
	return nil
}

// end returns the latest end of all units.
func (l *line) end() (ns int64) {
	for _, lanes := range l.lanes {
		for _, k := range lanes {
			ns = max(ns, k.endNS)
		}
	}
	return ns
}

// wrapNS is the time after which the times of a transport stream begin anew.
const wrapNS = int64(1 << 33 * int64(time.Second) / hz90)

// align makes the times of the renditions comparable at the beginning of a period. The clock of a transport stream may have
// begun anew between the first unit of one and that of another.
func (l *line) align(in []*rendition) {
	lead := in[0].units[0]
	l.offsetsNS[in[0].index] = 0
	for _, r := range in[1:] {
		u := r.units[0]
		d := u.ns() - lead.ns()
		by := int64(0)
		switch {
		case !u.of.ninety || !lead.of.ninety:
		case d > wrapNS/2:
			by = -wrapNS
		case d < -wrapNS/2:
			by = wrapNS
		}
		if d += by; d > mostApartNS || d < -mostApartNS {
			l.Log.Warn("the times of video and sound are of different clocks: they are aligned at their first segments")
			by -= d
		}
		l.offsetsNS[r.index] = by
	}
}

// publish publishes the tracks of the renditions. It waits if they change too often.
func (l *line) publish(ctx context.Context) error {
	if !l.begun {
		pub, err := l.Publish()
		if err != nil {
			return err
		}
		l.pub, l.begun = pub, true
		for cause, n := range l.counted.lost {
			pub.Lost(cause, n)
		}
		for cause, n := range l.counted.repaired {
			pub.Repaired(cause, n)
		}
	}
	var list []media.Track
	for i, set := range l.sets {
		if set == nil {
			continue
		}
		lanes := make([]*lane, len(set.list))
		for t := range set.list {
			lanes[t] = &lane{}
			if t < len(l.lanes[i]) {
				*lanes[t] = *l.lanes[i][t]
			}
			lanes[t].slot = len(list)
			list = append(list, set.list[t])
		}
		l.lanes[i] = lanes
	}
	if err := l.change(ctx, list); err != nil {
		return err
	}
	l.pub.LeaveOut(l.leftOut())
	return l.pub.SetTracks(list)
}

// change waits until the tracks may change.
func (l *line) change(ctx context.Context, to []media.Track) error {
	if l.Past == nil {
		return nil
	}
	wait := l.Past.change(to, l.Clock.Now())
	if wait == 0 {
		return nil
	}
	if times, say := l.Past.delay(); say {
		l.Log.Warn("the stream changes its tracks more than once a second, and each change begins a file: the stream is delayed",
			"delay", wait, "times_so_far", times)
	}
	if !pipeline.Sleep(ctx, l.Clock, wait, nil) {
		return context.Cause(ctx)
	}
	return nil
}

func (l *line) leftOut() (all []string) {
	for _, codecs := range l.left {
		all = append(all, codecs...)
	}
	return all
}

// The bounds of the pace.
const (
	lateNS = int64(500 * time.Millisecond) // media that is later moves the times of what follows
	hurry  = 2                             // so much faster media is published while the playlist has much more
)

// wait waits until a unit is due: at the pace of its stream, from the first unit on. With Finite it does not wait.
func (l *line) wait(ctx context.Context, r *rendition, u *unit) error {
	at := l.place(r, u)
	l.now = l.Clock.Now()
	if l.anchor.IsZero() {
		l.anchor = l.now.Add(-time.Duration(at))
	}
	if l.Finite {
		return nil
	}
	if step := at - l.lastNS; l.behind && step > 0 {
		l.anchor = l.anchor.Add(-time.Duration(step - step/hurry))
	}
	l.lastNS = max(l.lastNS, at)
	early := l.anchor.Add(time.Duration(at)).Sub(l.now)
	if hole := min(early, time.Duration(u.leftNS)); hole > 0 { // the stream has passed it: waiting for it keeps the distance
		l.anchor, early = l.anchor.Add(-hole), early-hole
	}
	switch {
	case early > 0 && !pipeline.Sleep(ctx, l.Clock, early, nil):
		return context.Cause(ctx)
	case early < -time.Duration(lateNS):
		l.anchor = l.anchor.Add(-early)
	}
	return nil
}

// write publishes a unit. Its arrival is when it is due: the pieces of a playlist arrive in bursts.
func (l *line) write(ctx context.Context, r *rendition, u *unit) error {
	if l.sets[r.index] != u.of {
		l.sets[r.index] = u.of
		if err := l.publish(ctx); err != nil {
			return err
		}
	}
	if u.losses > 0 {
		l.pub.Lost(media.DropHLSLoss, uint64(u.losses))
		for _, k := range l.lanes[r.index] {
			k.lostUnits = true
		}
	}
	k, scale := l.lanes[r.index][u.track], u.of.list[u.track].Timescale
	shift := media.FromNanos(l.shift(r.index), scale)
	at := l.place(r, u)
	l.nowNS = at
	due := l.anchor.Add(time.Duration(at))
	stepped := pipeline.Stepped(l.now)
	l.au = media.AU{
		DTS: u.dts + shift, PTS: u.pts + shift, DurationTicks: u.durationTicks, Sync: u.sync, Framed: u.framed,
		UTC: due.UnixNano() + int64(stepped-pipeline.Stepped(l.anchor)), SteppedNS: int64(stepped), MonoNS: ingest.Mono(due),
		Lost: u.lost, LostBy: u.by, Payload: u.data,
	}
	if k.lostUnits {
		k.lostUnits = false
		l.au.Lost, l.au.LostBy = k.missing(at), media.DropHLSLoss
	}
	k.newest(at, media.ToNanos(u.durationTicks, scale))
	if err := l.pub.Write(k.slot, &l.au); err != nil && !media.LeftOut(err) {
		return err
	}
	return nil
}

// missing returns about how many units are missing before one at a time.
func (k *lane) missing(at int64) int {
	if k.stepNS <= 0 {
		return 1
	}
	return int(min(max((at-k.endNS+k.stepNS/2)/k.stepNS, 1), 1<<20))
}

// newest takes the time and the duration of a unit; 0: the duration is unknown. So is one that no playlist justifies: the next
// period would begin after it.
func (k *lane) newest(at, duration int64) {
	if duration <= 0 || duration > int64(mostLost) {
		duration = k.stepNS
		if step := at - k.lastNS; k.any && step > 0 && step < jumpNS {
			duration = step
		}
	}
	k.any, k.lastNS, k.stepNS, k.endNS = true, at, duration, at+duration
}

func (l *line) lost(cause string, n uint64) {
	if l.pub == nil {
		l.counted.lost[cause] += n
		return
	}
	l.pub.Lost(cause, n)
}

func (l *line) repaired(cause string, n uint64) {
	if l.pub == nil {
		l.counted.repaired[cause] += n
		return
	}
	l.pub.Repaired(cause, n)
}

// leaveOut sets the codecs of a rendition that are not recorded.
func (l *line) leaveOut(rendition int, codecs []string) {
	if l.left[rendition] = codecs; l.pub != nil {
		l.pub.LeaveOut(l.leftOut())
	}
}

// problem passes on the problem of a track of a rendition.
func (l *line) problem(rendition, track int, what *pipeline.Problem) {
	if lanes := l.lanes[rendition]; l.pub != nil && track < len(lanes) {
		l.pub.Problem(lanes[track].slot, what)
	}
}

func (l *line) timing() hub.Timing {
	if l.pub == nil {
		return hub.Timing{}
	}
	return l.pub.Timing()
}
