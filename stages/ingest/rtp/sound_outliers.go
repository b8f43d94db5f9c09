package rtp

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// soundLine holds a sound packet whose time does not fit until the next packet comes. If the next packet fits after the
// held one, the held time is no outlier, unless it is early and the next packet also fits without it. If the clock was
// set, later times then either follow it, or are all corrected by the difference. The frames of an outlier are placed
// right after the packet before. Package ingest treats pictures in a similar way: see stages/ingest/outliers.go.
type soundLine struct {
	any            bool              // a packet was passed to the feed
	nextTicks      int64             // end of the newest packet that was passed to the feed
	nextPTSTicks   int64             // the same, in ticks of the timescale
	monoNS         int64             // arrival of that packet
	shift          ingest.ClockShift // correction for the jumps of the clock that are not followed
	jumps, setBack ingest.ClockJumps // setBack counts the small jumps back, jumps the other ones

	held       []*ingest.Unit // frames of a packet whose time does not fit; empty: none
	heldTicks  int64          // time of the held packet
	lastsTicks int64          // duration of the held packet
	heldNS     int64          // arrival of the held packet
}

// sound passes the frames of a packet to the feed, or holds them if the packet's time does not fit. ticks is the RTP
// time of the packet.
func (t *Track) sound(frames []*ingest.Unit, ticks int64, at time.Time) error {
	s, mono, lasts := &t.line, ingest.Mono(at), t.audio.duration(len(frames), t.clockHz)
	ticks += s.shift.Next(lasts)
	if len(s.held) > 0 {
		by, err := t.judgeSound(ticks, mono)
		if err != nil {
			t.putAll(frames)
			return err
		}
		ticks += by
	}
	if s.any && !t.soundFits(s.nextTicks, s.monoNS, ticks, mono) {
		s.held, s.heldTicks, s.lastsTicks, s.heldNS = append(s.held, frames...), ticks, lasts, mono
		return nil
	}
	return t.passSound(frames, ticks, lasts, mono)
}

// soundFits reports whether a packet fits after another one. The packet has the time ticks and the arrival mono;
// the other one ends at the time next and arrived at before. The packet's time must be later than the begin of the
// other one's last frame, and not later than the elapsed time allows.
func (t *Track) soundFits(next, before, ticks, mono int64) bool {
	frame, passed := t.audio.duration(1, t.clockHz), media.FromNanos(max(mono-before, 0), t.clockHz)
	return ticks > next-frame && ticks <= next+passed*9/8+max(4*frame, int64(t.clockHz)/5)
}

// judgeSound decides whether the time of the held packet is an outlier, by the time and the arrival of the next
// packet (see soundLine). It passes the held packet to the feed. by is the number of ticks by which the caller
// corrects the time of the next packet.
func (t *Track) judgeSound(ticks, mono int64) (by int64, err error) {
	s := &t.line
	end := s.heldTicks + s.lastsTicks
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
	return t.passSound(held, t.line.heldTicks, t.line.lastsTicks, t.line.heldNS)
}

// passSound passes the frames of a packet, which lasts lasts ticks, to the feed, the first with the RTP time ticks and
// each one frame duration after the one before.
func (t *Track) passSound(frames []*ingest.Unit, ticks, lasts, mono int64) error {
	s, pts := &t.line, t.ticks(ticks)
	if off := pts - s.nextPTSTicks; t.exact && s.any && off >= -1 && off <= 1 {
		pts = s.nextPTSTicks // the RTP time is rounded
	}
	s.any, s.nextTicks, s.monoNS, s.nextPTSTicks = true, ticks+lasts, mono, pts+t.audio.duration(len(frames), t.timescale)
	for i, u := range frames {
		if err := t.audioFrame(u, pts, i); err != nil {
			t.putAll(frames[i+1:])
			return err
		}
	}
	return nil
}

// flushSound passes the held packet, if there is one, to the feed as an outlier. It is called when no next packet
// comes.
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
