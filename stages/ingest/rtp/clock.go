package rtp

import (
	"slices"
	"time"

	"github.com/gospool/spool/stages/ingest"
)

// clockTrial finds the rate of a track's RTP times. AAC with spectral band replication has two sample rates: some
// senders announce one of them and use the other for their times. The duration of a frame is known, so the times of
// consecutive packets show the rate.
//
// The announced rate is confirmed as soon as two consecutive times agree with it, or after trialPackets packets.
// Another rate needs trialVotes pairs of consecutive times that agree with it, without a pair between them that
// agrees with a third rate. Until the rate is decided, the frames are held.
type clockTrial struct {
	others []uint32       // rates that the sender may use in place of the announced one
	held   []triedFrame   // frames so far
	points [sources]point // by source, in ticks of the unknown rate

	ticks   int64 // time of the newest packet
	frames  int   // number of frames in the newest packet
	packets int
	vote    uint32 // rate of the newest vote
	votes   int    // number of consecutive votes for it
}

// source is a kind of data from which the feed learns how a track's times relate to those of the other tracks.
type source uint8

const (
	byReport source = iota // RTCP sender reports
	byInfo                 // header RTP-Info
	sources                // number of sources
)

// point pairs an RTP time of a track with a time on the clock to which a source (byReport or byInfo) relates it.
type point struct {
	ok             bool
	ticks, clockNS int64
}

type triedFrame struct {
	unit  *ingest.Unit
	ticks int64 // time of its packet
	i     int   // index of the frame in its packet
}

const (
	trialVotes   = 3
	trialPackets = 12 // after so many packets the announced rate is used
	trialFrames  = maxFrames
)

// try takes the frames of a packet while the rate of the RTP times is undecided (see clockTrial). It decides the
// rate if the time of the packet allows that. gap reports whether data may be missing before the packet.
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

// clockOf returns the rate at which so many frames take about so many ticks: the announced rate, one of
// Config.OtherClocks, or 0 if none of these rates fits.
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

// agree counts consecutive pairs of times that agree with a rate, and reports whether they are enough to decide for
// it (see clockTrial).
func (c *clockTrial) agree(clock uint32) bool {
	if c.vote != clock {
		c.vote, c.votes = clock, 0
	}
	c.votes++
	return c.votes >= trialVotes
}

// decide ends the clockTrial of the track: clock becomes the rate of its RTP times. It passes the points and the
// frames that the trial held to the feed. It logs a rate other than the announced one.
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
		if err := t.audioFrame(f.unit, t.ticks(f.ticks), f.i); err != nil {
			for _, rest := range trial.held[i+1:] {
				t.feed.Put(rest.unit)
			}
			return err
		}
	}
	return nil
}
