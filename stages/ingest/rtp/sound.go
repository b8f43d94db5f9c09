package rtp

import (
	"errors"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// audioPacket takes a packet of a codec without NAL units, and passes its frames to the feed.
func (t *Track) audioPacket(p *rtp.Packet, ticks int64, gap bool, at time.Time) error {
	if of, ok := t.audio.(lossy); ok && gap {
		of.lost()
	}
	frames, err := t.audio.unpack(p, t.describe)
	if err != nil {
		cause := media.DropRTPMalformed
		if errors.Is(err, errFrames) {
			cause = media.DropTooManyFrames
		}
		t.to.Lost(cause, 1)
		t.to.MissingBefore(1, cause)
		if t.trial != nil {
			t.trial.frames = 0 // after a missing frame the next time proves nothing
		}
		return nil
	}
	if t.trial != nil && len(frames) > 0 {
		return t.try(frames, ticks, gap, at)
	}
	t.frames = t.frames[:0]
	for _, frame := range frames {
		u := t.begin(0, at)
		u.DurationTicks = t.audio.duration(1, t.timescale)
		u.Put(frame)
		t.frames = append(t.frames, u)
	}
	if len(frames) == 0 {
		return nil
	}
	return t.sound(t.frames, ticks, at)
}

// audioFrame passes a unit to the feed. The unit has frame i of a packet with the time pts, in ticks of the timescale.
func (t *Track) audioFrame(u *ingest.Unit, pts int64, i int) error {
	u.PTS = pts + t.audio.duration(i, t.timescale)
	return t.to.Unit(u)
}

// describe passes a parameter set from the stream to the feed.
func (t *Track) describe(set []byte) error {
	if t.inStream {
		d, err := codec.Describe(t.codec, t.timescale, [][]byte{set})
		if err != nil {
			return err
		}
		if t.units == 0 {
			t.timescale = uint32(d.SampleRate)
			t.to.SetTimescale(t.timescale)
		}
		t.exact = t.timescale == uint32(d.SampleRate)
	}
	return t.to.Describe(set)
}
