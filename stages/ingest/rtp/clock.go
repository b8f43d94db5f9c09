package rtp

import (
	"slices"
	"time"

	"github.com/gospool/spool/stages/ingest"
)

// clockTrial finds the clock of a track's RTP times for codecs whose senders differ: AAC with spectral band
// replication has two rates, and a sender may use one of them for its times and announce the other. A frame's
// duration is known, so the times of consecutive packets show the clock.
//
// The announced clock is confirmed as soon as two times agree with it. Another clock needs trialVotes in a row. Until
// then frames are held.
type clockTrial struct {
	others []uint32
	held   []triedFrame
	points [sources]point // place the track, in ticks of the unknown clock

	ticks   int64 // of the last packet
	frames  int   // in the last packet
	packets int
	vote    uint32
	votes   int
}

// source is a source of a track's position relative to the others.
type source uint8

const (
	byReport source = iota // RTCP sender reports
	byInfo                 // RTP-Info
	sources
)

// point pairs a time of a track, in ticks, with the ns of a source's clock.
type point struct {
	ok             bool
	ticks, clockNS int64
}

type triedFrame struct {
	unit  *ingest.Unit
	ticks int64 // of its packet
	i     int   // its index in the packet
}

const (
	trialVotes   = 3
	trialPackets = 12 // after which the announced clock is confirmed
	trialFrames  = maxFrames
)

// try holds the frames of a packet until the clock is certain.
func (t *Track) try(frames [][]byte, ticks int64, gap bool, at time.Time) error {
	trial := t.trial
	for i, frame := range frames {
		u := t.begin(0, at)
		u.Put(frame)
		t.to.Grown(u, 0)
		trial.held = append(trial.held, triedFrame{u, ticks, i})
	}
	step, passed := ticks-trial.ticks, trial.frames
	trial.ticks, trial.frames = ticks, len(frames)
	if trial.packets++; trial.packets > 1 && !gap {
		switch clock := t.clockOf(step, passed); {
		case clock == t.clockHz, clock != 0 && trial.agree(clock):
			return t.decide(clock)
		}
	}
	if trial.packets >= trialPackets || len(trial.held) >= trialFrames {
		return t.decide(t.clockHz)
	}
	return nil
}

// clockOf returns the known clock by which a number of frames took so many ticks, or 0.
func (t *Track) clockOf(ticks int64, frames int) uint32 {
	fits := func(clock uint32) bool {
		want := t.audio.duration(frames, clock)
		return want > 0 && max(ticks-want, want-ticks) <= max(want/64, 1)
	}
	if fits(t.clockHz) {
		return t.clockHz
	}
	if i := slices.IndexFunc(t.trial.others, fits); i >= 0 {
		return t.trial.others[i]
	}
	return 0
}

// agree counts consecutive votes for a clock, and reports whether they are enough.
func (c *clockTrial) agree(clock uint32) bool {
	if c.vote != clock {
		c.vote, c.votes = clock, 0
	}
	c.votes++
	return c.votes >= trialVotes
}

// decide continues with a clock.
func (t *Track) decide(clock uint32) error {
	trial := t.trial
	t.trial = nil
	if clock != t.clockHz {
		t.feed.Log().Warn("the sender's audio times do not run at the announced clock: the measured clock is used",
			"announced", t.clockHz, "found", clock)
		t.clockHz = clock
	}
	for by, p := range trial.points {
		if p.ok {
			t.place(source(by), p.ticks, p.clockNS)
		}
	}
	for i, f := range trial.held {
		if err := t.audioFrame(f.unit, f.ticks, f.i); err != nil {
			for _, rest := range trial.held[i+1:] {
				t.feed.Put(rest.unit)
			}
			return err
		}
	}
	return nil
}
