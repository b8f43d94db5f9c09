package rtp

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// soundLine holds back a sound packet whose time does not fit, until the next packet comes. If the next packet
// continues from it, the sender's clock jumped: the jump is followed, or taken out of all later times. Otherwise the
// packet was an outlier, and its frames are placed right after the previous packet. For pictures see
// ingest/outliers.go.
type soundLine struct {
	any            bool
	nextTicks      int64 // ticks, end of the last packet
	monoNS         int64 // ns, its arrival
	shift          ingest.ClockShift
	jumps, setBack ingest.ClockJumps

	held      []*ingest.Unit // frames of a packet that does not fit; empty: none
	heldTicks int64          // its time
	heldNS    int64          // ns, its arrival
}

// sound passes on the frames of a packet, or holds them.
func (t *Track) sound(frames []*ingest.Unit, ticks int64, at time.Time) error {
	s, mono := &t.line, ingest.Mono(at)
	ticks += s.shift.Next(t.audio.duration(len(frames), t.clockHz))
	if len(s.held) > 0 {
		by, err := t.judgeSound(ticks, mono)
		if err != nil {
			t.putAll(frames)
			return err
		}
		ticks += by
	}
	if s.any && !t.soundFits(s.nextTicks, s.monoNS, ticks, mono) {
		s.held, s.heldTicks, s.heldNS = append(s.held, frames...), ticks, mono
		return nil
	}
	return t.passSound(frames, ticks, mono)
}

// soundFits reports whether a packet may follow a packet that ends at next, in ticks, and arrived at before, ns: it
// is later than the last frame, and not later than the elapsed time allows.
func (t *Track) soundFits(next, before, ticks, mono int64) bool {
	frame, passed := t.audio.duration(1, t.clockHz), media.FromNanos(max(mono-before, 0), t.clockHz)
	return ticks > next-frame && ticks <= next+passed*9/8+max(4*frame, int64(t.clockHz)/5)
}

// judgeSound passes on the held packet, by the next one, and returns the correction of the next one's time.
func (t *Track) judgeSound(ticks, mono int64) (by int64, err error) {
	s := &t.line
	end := s.heldTicks + t.audio.duration(len(s.held), t.clockHz)
	goesOn, fits := t.soundFits(end, s.heldNS, ticks, mono), t.soundFits(s.nextTicks, s.monoNS, ticks, mono)
	late := s.heldTicks - s.nextTicks
	switch far := late > ingest.GrossJump*int64(t.clockHz); {
	case goesOn && (late < 0 && !fits || far):
		if small := late < 0 && late > -ingest.SmallestJump*int64(t.clockHz); small || !s.jumps.Follow(s.heldNS) {
			by = -late
			s.shift.Add(by, small && s.setBack.Follow(s.heldNS))
			t.to.Outlier()
			s.heldTicks += by
		}
	case late >= 0 && goesOn:
	default:
		t.to.Outlier()
		s.heldTicks = s.nextTicks
	}
	return by, t.passHeld()
}

func (t *Track) passHeld() error {
	held := t.line.held
	t.line.held = t.line.held[:0]
	return t.passSound(held, t.line.heldTicks, t.line.heldNS)
}

// passSound passes on the frames of a packet, one frame duration apart.
func (t *Track) passSound(frames []*ingest.Unit, ticks, mono int64) error {
	s := &t.line
	s.any, s.nextTicks, s.monoNS = true, ticks+t.audio.duration(len(frames), t.clockHz), mono
	for i, u := range frames {
		if err := t.audioFrame(u, ticks, i); err != nil {
			t.putAll(frames[i+1:])
			return err
		}
	}
	return nil
}

// flushSound passes on the held packet as an outlier: no next packet can decide.
func (t *Track) flushSound() {
	if s := &t.line; len(s.held) > 0 {
		s.heldTicks = s.nextTicks
		t.to.Outlier()
		_ = t.passHeld() // the feed remembers the error
	}
}

func (t *Track) putAll(units []*ingest.Unit) {
	for _, u := range units {
		t.feed.Put(u)
	}
}
