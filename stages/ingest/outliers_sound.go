package ingest

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// soundLine finds packets of sound whose time does not fit, as outliers does for
// pictures: what follows decides. The length of a frame is known, so an outlier is put
// exactly where the packet before ends.
type soundLine struct {
	any            bool
	next           int64 // ticks: where the last packet ends
	mono           int64 // ns, its arrival
	shift          shift
	jumps, setBack jumps

	held  []*Unit // frames of a packet that does not fit; none: nothing is held
	ticks int64   // its time
	at    int64   // and its arrival
}

// jumps counts how often a clock is set.
type jumps struct {
	at [jumpsFollowed]int64 // ns, arrival of the newest, a ring
	n  int
}

// follow reports whether the clock's being set is to be followed: it is not while it
// goes on happening, since what was followed is what the track is apart from others.
func (j *jumps) follow(mono int64) bool {
	at := &j.at[j.n%jumpsFollowed]
	often := j.n >= jumpsFollowed && mono-*at <= jumpMemory
	*at = mono
	j.n++
	return !often
}

// sound hands on the frames of a packet, or holds them.
func (t *RTPTrack) sound(frames []*Unit, ticks int64, at time.Time) error {
	s, mono := &t.line, at.Sub(epoch).Nanoseconds()
	ticks += s.shift.next(t.audio.duration(len(frames), t.clock))
	if len(s.held) > 0 {
		by, err := t.judgeSound(ticks, mono)
		if err != nil {
			t.feed.putAll(frames)
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

// soundFits reports whether a packet may follow what ends at a time and came at one:
// it is later than the last frame, and not later than by what passed and a little.
func (t *RTPTrack) soundFits(next, before, ticks, mono int64) bool {
	frame, passed := t.audio.duration(1, t.clock), media.FromNanos(max(mono-before, 0), t.clock)
	return ticks > next-frame && ticks <= next+passed*9/8+max(4*frame, int64(t.clock)/5)
}

// judgeSound hands on what is held, by the next packet, and tells what to add to the
// time of that.
func (t *RTPTrack) judgeSound(ticks, mono int64) (by int64, err error) {
	s := &t.line
	end := s.ticks + t.audio.duration(len(s.held), t.clock)
	goesOn, fits := t.soundFits(end, s.at, ticks, mono), t.soundFits(s.next, s.mono, ticks, mono)
	late := s.ticks - s.next
	switch far := late > gross*int64(t.clock); {
	case goesOn && (late < 0 && !fits || far):
		if small := late < 0 && late > -smallest*int64(t.clock); small || !s.jumps.follow(s.at) {
			by = -late
			s.shift.add(by, small && s.setBack.follow(s.at))
			t.track().outlier()
			s.ticks += by
		}
	case late >= 0 && goesOn:
	default:
		t.track().outlier()
		s.ticks = s.next
	}
	return by, t.passHeld()
}

func (t *RTPTrack) passHeld() error {
	held := t.line.held
	t.line.held = t.line.held[:0]
	return t.passSound(held, t.line.ticks, t.line.at)
}

// passSound hands on the frames of a packet, one frame duration apart.
func (t *RTPTrack) passSound(frames []*Unit, ticks, mono int64) error {
	s := &t.line
	s.any, s.next, s.mono = true, ticks+t.audio.duration(len(frames), t.clock), mono
	for i, u := range frames {
		if err := t.audioFrame(u, ticks, i); err != nil {
			t.feed.putAll(frames[i+1:])
			return err
		}
	}
	return nil
}

// flushSound hands on what is held, as an outlier: nothing follows that could tell.
func (t *RTPTrack) flushSound() {
	if s := &t.line; len(s.held) > 0 {
		s.ticks = s.next
		t.track().outlier()
		_ = t.passHeld() // the feed remembers
	}
}

func (f *Feed) putAll(units []*Unit) {
	for _, u := range units {
		f.put(u)
	}
}
