package ingest

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// Track is one track of a feed. It takes units in decoding order, makes whole pictures of them and gives them their
// times. It belongs to the goroutine of its feed.
type Track struct {
	feed      *Feed
	counts    counter
	index     int
	cfg       TrackConfig
	nal       *nalunit.Syntax                          // nil: the codec has no NAL units, and a unit is one frame
	syncFrame func(frame []byte) bool                  // reports whether a decoder can start at a frame; nil: at every frame
	fromFrame func(frame []byte, t *media.Track) error // see codec.Codec.FromFrame
	byFrame   media.Track                              // memory of describeByFrame
	sets      paramSets

	desc  *description // description of the newest unit; nil while unknown
	fresh *description // desc, if no unit carries it yet; else nil
	live  *description // description of the newest written unit

	absent bool // no data is expected now: see absent.go

	lostBefore int    // about how many units were lost since the last whole unit
	lostBy     string // cause of the first of these losses
	assembly

	keyPTSTicks   int64    // time of the newest IDR or IRAP picture
	keySeen       bool     // such a picture has come
	sharedLogged  bool     // the first shared time has been logged
	outlierLogged bool     // the first outlier has been logged
	passed        []string // bounds that units have exceeded and that were logged, as causes

	cutsNS      [50]int64 // arrival of the key frames at which a changed description began a file, a ring
	cut         int
	describedNS int64 // arrival of the newest key frame that changed the description
	cutsLogged  bool  // that changes come too often has been logged

	pendingBytes int // bytes of memory of all units added to pending since it was empty

	outliers  outliers
	retime    retime // used with wall_clock: arrival
	rate      clockRate
	offRate   bool       // the clock is known to run at a wrong rate
	rateSince time.Time  // since when offRate is set
	ran       bool       // own uses a measured rate
	own       *wallclock // wall clock of a track whose clock has another rate; nil: the feed's
	spread    spread
	decoding  decodingTimes
	depth     int         // reordering depth of the newest description
	fitting   func(*Unit) // method share as a value, made once
	timed     func(*Unit) // method derive as a value, made once
	out       func(*Unit) // method ready as a value, made once

	points  [sources]point // by source
	stall   *StallDetector
	takenNS int64 // arrival of the newest unit

	driftNS     int64   // sender's clock less the track's time, by the newest report
	driftKnown  bool    // driftNS has been measured
	placed      bool    // the track has its place on the time line
	offsetTicks int64   // from the track's own time to the feed's
	pending     []*Unit // units with all their times, until the track is placed
	slot        int     // index in the published tracks; negative: not published
	holder      Holder  // nil: none
}

// minCutDistanceNS bounds how often a change of parameter sets begins a file. A change does so only if the last
// len(Track.cutsNS) changes that began a file took at least minCutDistanceNS each on average (see mayCut).
const minCutDistanceNS = int64(time.Second)

// nanos converts a time of the track, in ticks, to the feed's time line, in ns.
func (t *Track) nanos(ticks int64) int64 { return media.ToNanos(ticks+t.offsetTicks, t.cfg.Timescale) }

// describeFirst stores the parameter sets that the protocol announced. The error says why those of a codec without NAL
// units are wrong. A set with NAL units that cannot be read counts as lost instead.
func (t *Track) describeFirst(sets [][]byte) error {
	if t.nal == nil {
		if len(sets) == 0 && (t.fromFrame != nil || codec.Of(t.cfg.Codec).ParameterSets) {
			return nil
		}
		d, err := describeFrames(&t.cfg, sets)
		if err == nil {
			t.desc, t.live, t.depth = d, d, d.Depth
		}
		return err
	}
	for _, nal := range sets {
		if len(nal) > 0 {
			t.heads.Set(nal)
		}
		if _, err := t.sets.put(nal); err != nil {
			t.Lost(media.DropUnreadableParameterSet, 1) // the stream may still carry it
		}
	}
	if t.sets.referAny() {
		t.describeSets()
		t.live, t.fresh, t.depth = t.desc, nil, t.desc.Depth
	}
	return nil
}

func (t *Track) describeSets() {
	t.desc = t.sets.describe(t.cfg.Timescale)
	t.fresh = t.desc
	t.merging = t.merging || t.desc.Fields
}

// mark adds t.lostBefore, the number of units lost since the last whole unit, to u.lost, with the cause of the first of
// these losses, and clears both fields. So the unit carries the losses before it.
func (t *Track) mark(u *Unit) {
	u.lost += t.lostBefore
	u.by = cmp.Or(t.lostBy, u.by)
	t.lostBefore, t.lostBy = 0, ""
}

// leave leaves unit u out, and returns u to the pool of the feed. The units that were lost before u then count as
// lost before the next unit. If u is damaged, u counts as lost before the next unit, too.
func (t *Track) leave(u *Unit) {
	t.lostBefore += u.lost
	t.lostBy = cmp.Or(t.lostBy, u.by)
	if u.Damaged {
		t.lostBefore++
		t.lostBy = cmp.Or(t.lostBy, u.over, t.cfg.LossCause, media.DropDamaged)
	}
	t.feed.Put(u)
}

// accept takes over a whole picture. It removes the elements that do not belong in a file, and passes the picture
// to the method time. It leaves out a unit without a picture, and a picture that exceeds a bound.
func (t *Track) accept(u *Unit) {
	key, picture, known := t.scan(u)
	u.sync = key
	t.strip(u)
	if !picture {
		if u.Size() > 0 {
			t.Lost(media.DropNoPicture, 1)
		} else {
			t.stall.Missed(u.MonoNS, media.DropNoPicture, 1)
		}
		t.leave(u)
		return
	}
	if known && (t.desc == nil || key && !t.sets.described() && t.mayCut(u)) {
		t.describedNS = u.MonoNS
		t.describeSets()
	}
	if t.desc != nil {
		u.lead(t.sets.give(key))
	}
	if t.count(u); u.over != "" {
		t.leave(u)
		return
	}
	t.time(u)
}

// mayCut reports whether a key frame with other parameter sets may change the track's description, which begins a
// file. It returns true for the first 50 changes. After that it returns false if the last 50 changes that began a
// file came in less than 50 seconds. It also returns false within TrackConfig.MinSegment of the last description. The new
// sets then stay in the stream before the key frame, where most players read them.
func (t *Track) mayCut(u *Unit) bool {
	if u.MonoNS-t.describedNS < t.cfg.MinSegment.Nanoseconds() {
		t.Repaired(RepairedSets, 1)
		return false
	}
	if at := &t.cutsNS[t.cut%len(t.cutsNS)]; t.cut < len(t.cutsNS) || u.MonoNS-*at >= int64(len(t.cutsNS))*minCutDistanceNS {
		*at = u.MonoNS
		t.cut++
		return true
	}
	if !t.cutsLogged {
		t.cutsLogged = true
		t.feed.log.Warn("the sender changes its parameter sets more than once a second: the changes no longer begin a file each",
			"codec", t.cfg.Codec.String(), "remedy", "have the encoder keep its settings")
	}
	t.Repaired(RepairedSets, 1)
	return false
}

// counter is the part of a Publisher that counts losses and repairs.
type counter interface {
	Lost(cause string, n uint64)
	Repaired(cause string, n uint64)
}

// Lost counts n units, or parts of units, that are left out for a cause, which is a drop cause of package media.
func (t *Track) Lost(cause string, n uint64) {
	t.counts.Lost(cause, n)
	t.stall.Missed(t.stall.heardNS, cause, n)
}

// Repaired counts n repairs of a cause, one of RepairedTime to RepairedLayer.
func (t *Track) Repaired(cause string, n uint64) {
	t.counts.Repaired(cause, n)
	t.stall.note(cause, n)
}

// lose counts a unit as lost for a cause, and leaves it out (see leave).
func (t *Track) lose(u *Unit, cause string) {
	t.Lost(cause, 1)
	t.leave(u)
}

// undescribed leaves unit u out and returns true if the track has no description yet. Otherwise it returns false.
// If no unit carries the newest description yet, it sets u.desc to that description.
func (t *Track) undescribed(u *Unit) bool {
	if t.desc == nil {
		t.lose(u, media.DropNoParameterSets)
		return true
	}
	u.desc, t.fresh, t.takenNS = t.fresh, nil, u.MonoNS
	return false
}

// time takes over a whole unit and passes it to ready. If the track derives decoding times, time first corrects the
// unit's presentation time and derives its decoding time (outliers, spread, decoding). These steps may hold the unit
// back until later units arrive.
func (t *Track) time(u *Unit) {
	if t.undescribed(u) {
		return
	}
	if !t.cfg.DeriveDTS {
		t.ready(u)
		return
	}
	t.outliers.push(u, t.fitting)
}

// byArrival makes the unit's time follow its arrival if Feed.byArrival is set. It keeps the time by the sender's
// clock in clockPTSTicks.
func (t *Track) byArrival(u *Unit) {
	u.clockPTSTicks = u.PTS
	if !t.feed.byArrival {
		return
	}
	u.PTS = t.retime.time(u.PTS, u.MonoNS, t.rate.rate)
}

// share takes over a unit whose time is no outlier, and passes it to spread, which separates units with the same
// time.
func (t *Track) share(u *Unit) {
	t.byArrival(u)
	if s := &t.spread; s.secondTicks == 0 || u.desc != nil || s.breaks(u) {
		s.flush(t.timed)
		s.reset(t.desc.Depth, t.cfg.Timescale)
	}
	t.spread.push(u, t.timed)
}

// sharedTime counts pictures that were sent with the time of another picture, and logs the first case.
func (t *Track) sharedTime(pictures uint64) {
	if !t.sharedLogged {
		t.sharedLogged = true
		t.feed.log.Info("the sender stamps several pictures with one time: they are placed evenly up to the next time", "codec", t.cfg.Codec.String())
	}
	t.Repaired(RepairedTime, pictures)
}

// Outlier counts a unit whose time is an outlier, and logs the first one.
func (t *Track) Outlier() {
	if !t.outlierLogged {
		t.outlierLogged = true
		t.feed.log.Warn("a timestamp of the sender is an outlier: its picture is placed between its neighbours", "codec", t.cfg.Codec.String())
	}
	t.Repaired(RepairedOutlier, 1)
}

// derive takes over a unit whose presentation time is final, and sets its decoding time.
func (t *Track) derive(u *Unit) {
	if r := &t.decoding; r.secondTicks == 0 || u.desc != nil || r.breaks(u) {
		r.flush(t.out)
		if u.desc != nil {
			t.depth = u.desc.Depth
		}
		r.reset(t.depth, t.cfg.Timescale)
	}
	t.decoding.push(u, t.out)
}

// ready writes a unit that has all its times, or keeps it pending until the track has a place on the time line.
func (t *Track) ready(u *Unit) {
	f := t.feed
	if t.placed {
		f.write(t, u)
		return
	}
	if !f.held && !t.aside() {
		f.held, f.firstMonoNS = true, u.MonoNS
	}
	t.pendingBytes += u.HeldBytes()
	t.pending = append(t.pending, u)
	if t.aside() && !f.begun {
		t.boundAside()
	}
}

// Flush sets the times of the units that wait for a later unit, and passes these units to ready.
func (t *Track) Flush() {
	t.passFurther(nil)
	t.release()
	t.outliers.flush(t.fitting)
	t.spread.flush(t.timed)
	t.decoding.flush(t.out)
}

// scan reads the NAL units of u and stores its parameter sets. key reports whether a decoder can start at u,
// picture whether u has a picture, and known whether the parameter sets of the picture are known.
func (t *Track) scan(u *Unit) (key, picture, known bool) {
	recovery, whole := false, false
	refers := int64(-1) // PPS of the newest slice
	known = true
	t.sets.next()
	for _, nal := range u.elements() {
		switch t.nal.Role(nal) {
		case nalunit.RoleKey:
			key, picture = true, true
		case nalunit.RolePicture:
			picture = true
		case nalunit.RoleSEI:
			if n, ok := t.nal.RecoveryPoint(nal); ok {
				recovery, whole = true, n == 0
			}
			continue
		case nalunit.RoleSet:
			if _, err := t.sets.put(nal); err != nil {
				t.Lost(media.DropUnreadableParameterSet, 1)
			}
			continue
		default:
			continue
		}
		if pps, ok := t.nal.SlicePPS(nal); ok && int64(pps) != refers {
			refers = int64(pps)
			known = t.sets.refer(pps) && known
		}
	}
	if picture && refers < 0 {
		known = t.sets.referAny()
	}
	if key {
		t.keySeen, t.keyPTSTicks = true, u.PTS
	}
	refresh := !t.keySeen || u.PTS-t.keyPTSTicks > 10*int64(t.cfg.Timescale)
	return key || picture && recovery && (whole || refresh), picture, known
}

// strip removes from a unit the parameter sets, delimiters and filler data, and the NAL units of enhancement layers, of
// undefined types and with broken headers. It counts those of the last three kinds as repairs.
func (t *Track) strip(u *Unit) {
	w, n := 0, 0
	for _, nal := range u.elements() {
		switch t.nal.Role(nal) {
		case nalunit.RoleIdle, nalunit.RoleSet:
			continue
		case nalunit.RoleLayer:
			t.Repaired(RepairedLayer, 1)
			continue
		case nalunit.RoleUndefined:
			t.Repaired(RepairedUndefined, 1)
			continue
		case nalunit.RoleBroken:
			t.Repaired(RepairedBroken, 1)
			continue
		}
		w += copy(u.buf[w:], nal)
		u.ends[n] = w
		n++
	}
	u.buf, u.ends = u.buf[:w], u.ends[:n]
}
