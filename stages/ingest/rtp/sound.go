package rtp

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// soundLine finds sound packets whose time does not fit, as package ingest does for pictures: the next packet
// decides. The length of a frame is known, so an outlier is placed exactly at the end of the packet before.
type soundLine struct {
	any            bool
	next           int64 // ticks, end of the last packet
	mono           int64 // ns, its arrival
	shift          ingest.ClockShift
	jumps, setBack ingest.ClockJumps

	held  []*ingest.Unit // frames of a packet that does not fit; empty: none
	ticks int64          // its time
	at    int64          // ns, its arrival
}

// sound passes on the frames of a packet, or holds them.
func (t *Track) sound(frames []*ingest.Unit, ticks int64, at time.Time) error {
	s, mono := &t.line, ingest.Mono(at)
	ticks += s.shift.Next(t.audio.duration(len(frames), t.clock))
	if len(s.held) > 0 {
		by, err := t.judgeSound(ticks, mono)
		if err != nil {
			t.putAll(frames)
			return err
		}
		ticks += by
	}
	if s.any && !t.soundFits(s.next, s.mono, ticks, mono) {
		s.held, s.ticks, s.at = append(s.held, frames...), ticks, mono
		return nil
	}
	return t.passSound(frames, ticks, mono)
}

// soundFits reports whether a packet may follow a packet that ends at next, in ticks, and arrived at before, ns: it
// is later than the last frame, and not later than the elapsed time allows.
func (t *Track) soundFits(next, before, ticks, mono int64) bool {
	frame, passed := t.audio.duration(1, t.clock), media.FromNanos(max(mono-before, 0), t.clock)
	return ticks > next-frame && ticks <= next+passed*9/8+max(4*frame, int64(t.clock)/5)
}

// judgeSound passes on the held packet, by the next one, and returns the correction of the next one's time.
func (t *Track) judgeSound(ticks, mono int64) (by int64, err error) {
	s := &t.line
	end := s.ticks + t.audio.duration(len(s.held), t.clock)
	goesOn, fits := t.soundFits(end, s.at, ticks, mono), t.soundFits(s.next, s.mono, ticks, mono)
	late := s.ticks - s.next
	switch far := late > ingest.GrossJump*int64(t.clock); {
	case goesOn && (late < 0 && !fits || far):
		if small := late < 0 && late > -ingest.SmallestJump*int64(t.clock); small || !s.jumps.Follow(s.at) {
			by = -late
			s.shift.Add(by, small && s.setBack.Follow(s.at))
			t.to.Outlier()
			s.ticks += by
		}
	case late >= 0 && goesOn:
	default:
		t.to.Outlier()
		s.ticks = s.next
	}
	return by, t.passHeld()
}

func (t *Track) passHeld() error {
	held := t.line.held
	t.line.held = t.line.held[:0]
	return t.passSound(held, t.line.ticks, t.line.at)
}

// passSound passes on the frames of a packet, one frame duration apart.
func (t *Track) passSound(frames []*ingest.Unit, ticks, mono int64) error {
	s := &t.line
	s.any, s.next, s.mono = true, ticks+t.audio.duration(len(frames), t.clock), mono
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
		s.ticks = s.next
		t.to.Outlier()
		_ = t.passHeld() // the feed remembers the error
	}
}

func (t *Track) putAll(units []*ingest.Unit) {
	for _, u := range units {
		t.feed.Put(u)
	}
}
