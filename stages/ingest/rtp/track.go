package rtp

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// Track turns the RTP packets of one track into units of its feed: other senders'
// packets are left out, datagrams put in order, losses counted and marked in the
// units, 32-bit times unwrapped. It is for the goroutine of the feed.
type Track struct {
	feed   *ingest.Feed
	to     *ingest.Track
	codec  media.Codec
	clock  uint32 // ticks per second of RTP times
	scale  uint32 // of the feed's
	video  depacketizer
	audio  AudioPayload
	trial  *clockTrial // while it is not certain what clock is
	line   soundLine
	frames []*ingest.Unit // of the packet at hand

	seen   bool
	seq    uint16
	gap    bool   // something may be missing before the next payload
	losses uint64 // times that packets were lost

	packets, units uint64 // that came
	arrived        int64  // ns, of the newest packet
	time           unwrapper
	unit           *ingest.Unit // of which the end has not come
	finished       int64        // PTS of the one before
	joined         int64        // ticks of the first packet
	marked         int          // pictures in a row that ended with a marker

	sender    sender
	others    candidate
	datagrams *datagrams     // nil: packets come in their order
	order     *decodingOrder // nil: NAL units come in that of decoding
}

// Config is what a session description says of a track.
type Config struct {
	Track ingest.TrackConfig

	SSRC uint32 // of the Transport header, over UDP; 0: the first packet tells
	// Datagrams says that the network may change the order of packets, or double
	// them. Else they come in order, as far as they come.
	Datagrams bool
	// OrderDepth is how many NAL units may come before one that is decoded before
	// them: sprop-interleaving-depth, sprop-depack-buf-nalus. 0: it is not known.
	OrderDepth int

	Clock uint32       // RTP clock rate; 0: the track's timescale
	Audio AudioPayload // for a codec without NAL units
	// OtherClocks are rates that senders of the codec are known to use whatever they say:
	// the times of the first packets decide.
	OtherClocks []uint32
	// DecodingOrder says that video comes in another order than that of decoding, with
	// decoding order numbers: H.264 in packetization mode 2 (RFC 6184, 5.3), H.265 with
	// sprop-max-don-diff (RFC 7798, 7.1).
	DecodingOrder bool
}

// Add adds a track to a feed whose units come as RTP packets. The error is one of the
// configuration, and leaves the feed as it was.
func Add(f *ingest.Feed, c Config) (*Track, error) {
	video := payloadOf(c.Track.Codec)
	if video == nil && c.Audio == nil {
		return nil, fmt.Errorf("%s does not come in RTP packets", c.Track.Codec)
	}
	c.Track.DeriveDTS = true
	to, err := f.AddTrack(c.Track)
	if err != nil {
		return nil, err
	}
	t := &Track{feed: f, to: to, codec: c.Track.Codec, clock: c.Clock, scale: c.Track.Timescale, video: video, audio: c.Audio}
	to.HoldBack(t)
	if t.clock == 0 {
		t.clock = t.scale
	}
	t.sender.ssrc, t.sender.known = c.SSRC, c.SSRC != 0
	if c.Datagrams {
		t.ExpectDatagrams()
	}
	if c.DecodingOrder && video != nil {
		t.order = &decodingOrder{depth: defaultDepth, step: 1}
		if c.OrderDepth > 0 {
			t.order.depth = min(c.OrderDepth, maxOrderDepth)
		}
	}
	if len(c.OtherClocks) > 0 {
		t.trial = &clockTrial{others: c.OtherClocks}
	}
	return t, nil
}

// ExpectDatagrams sets what Datagrams of the configuration says, before the first packet.
func (t *Track) ExpectDatagrams() {
	t.datagrams = &datagrams{deliver: t.take, count: func(cause string) { t.to.Repaired(cause, 1) }}
}

// Packet takes a packet that arrived at a time. It keeps nothing of it. The error
// says that the publisher has ended.
func (t *Track) Packet(p *rtp.Packet, at time.Time) (err error) {
	if t.admit(p, at) {
		err = t.pass(p, at)
	}
	t.feed.Look(at)
	return err
}

// pass takes a packet of the track's sender.
func (t *Track) pass(p *rtp.Packet, at time.Time) error {
	if t.datagrams != nil {
		t.to.Present() // though it may wait
		return t.datagrams.packet(p, at)
	}
	return t.take(p, at)
}

// take takes a packet in its order.
func (t *Track) take(p *rtp.Packet, at time.Time) error {
	gap := t.missing(p.SequenceNumber) || t.gap
	t.packets++
	if t.gap = gap && len(p.Payload) == 0; len(p.Payload) == 0 { // padding (RFC 3550, 5.1)
		return nil
	}
	mono := ingest.Mono(at)
	t.arrived = mono
	t.to.Hear(mono)
	ticks := t.time.next(p.Timestamp)
	if t.units == 0 && t.joins(p.Payload, ticks) {
		t.gap = true
		return nil
	}
	var err error
	if t.video != nil {
		err = t.videoPacket(p, ticks, gap, at)
	} else {
		err = t.audioPacket(p, ticks, gap, at)
	}
	if t.unit != nil {
		t.to.Unended(t.unit, mono)
	}
	return err
}

// joins reports whether what comes first is the rest of a picture that began before
// the session. Over UDP its beginning may have been lost.
func (t *Track) joins(payload []byte, ticks int64) bool {
	if t.packets == 1 {
		t.joined = ticks
	}
	return ticks == t.joined && t.datagrams == nil && t.order == nil && t.video != nil && t.video.joins(payload)
}

// Holding reports whether NAL units wait for others that are decoded before them.
func (t *Track) Holding() bool { return t.order != nil && len(t.order.held) > 0 }

// Overdue hands on packets that have waited for others for long enough at a time.
func (t *Track) Overdue(at time.Time) {
	if t.datagrams != nil {
		_ = t.datagrams.overdue(at) // the feed remembers
	}
}

// Unannounced counts a packet that came for the track under the payload type of no
// format that was announced.
func (t *Track) Unannounced(at time.Time) { t.to.Unannounced(media.DropWrongPayloadType, at) }

// Leave says that nothing more of the track is expected, as of a format that is
// announced beside another one.
func (t *Track) Leave() {
	t.Close()
	t.to.Leave()
}

// maxReportApart is how far the time of a report may be from the track's newest: one
// that is further off is of another clock, or of another life of the sender.
const maxReportApart = 60 // seconds

// SenderReport takes an RTCP sender report: the sender's clock in NTP format at
// an RTP time (RFC 3550, 6.4.1).
func (t *Track) SenderReport(ntp uint64, rtpTime uint32) {
	if ntp == 0 { // the sender has no clock
		return
	}
	sec, frac := int64(ntp>>32), int64(ntp&0xffffffff)
	at, far := t.time.near(rtpTime), maxReportApart*int64(t.clock)
	if d := at - t.time.wide; t.packets > 0 && (d > far || d < -far) {
		return
	}
	t.place(byReport, at, sec*int64(time.Second)+frac*int64(time.Second)>>32)
}

// Info takes the RTP time that RTP-Info gives for the start of playing.
func (t *Track) Info(rtpTime uint32) {
	t.place(byInfo, t.time.near(rtpTime), 0)
}

// place tells the feed where the track is, once the clock is certain.
func (t *Track) place(by source, ticks, ns int64) {
	switch {
	case t.trial != nil:
		t.trial.points[by] = point{true, ticks, ns}
	case by == byReport:
		t.to.Report(t.ticks(ticks+t.line.shift.Now()), ns)
	default:
		t.to.Info(t.ticks(ticks))
	}
}

func (t *Track) ticks(v int64) int64 { return media.Rescale(v, t.clock, t.scale) }

// missing counts the packets between the last one and this, and reports whether
// something may be missing before this one, as before the first. A sequence
// number that goes back is a sender that began anew.
func (t *Track) missing(seq uint16) bool {
	n := seq - t.seq - 1
	first := !t.seen
	t.seen, t.seq = true, seq
	if !first && n > 0 && n < 0x8000 {
		t.lost(n)
	}
	return first || n != 0
}

func (t *Track) lost(packets uint16) {
	t.to.Lost(media.DropRTPLoss, uint64(packets))
	t.to.MissingBefore(max(int(uint64(packets)*t.units/t.packets), 1), media.DropRTPLoss)
	if t.losses++; bits.OnesCount64(t.losses) == 1 { // 1, 2, 4, 8...: a bad network does not fill the log
		t.feed.Log().Warn("packets were lost on the way: what they belong to is missing or damaged; over TCP none are lost",
			"codec", t.codec.String(), "packets", packets, "times_so_far", t.losses)
	}
}

func (t *Track) videoPacket(p *rtp.Packet, ticks int64, gap bool, at time.Time) error {
	if t.order != nil {
		return t.ordered(p.Payload, ticks, gap, at)
	}
	if t.video.timed(p.Payload) {
		if err := t.timed(p.Payload, ticks, gap, at); err != nil {
			return err
		}
	} else {
		if !t.stray(p.Payload, t.ticks(ticks), gap) {
			if err := t.open(ticks, gap, at); err != nil {
				return err
			}
		}
		if t.video.unpack(t.unit, p.Payload) != nil {
			t.unit.Unread()
		}
		t.bound(at)
	}
	if p.Marker && t.unit != nil {
		t.marked++
		return t.finish()
	}
	return nil
}

// timed takes NAL units that have times of their own, in decoding order.
func (t *Track) timed(p []byte, ticks int64, gap bool, at time.Time) (err error) {
	_ = eachTimed(p, func(_ uint16, offset uint32, nal []byte) {
		if err == nil {
			err = t.element(nal, ticks+int64(offset), gap, at)
		}
		gap = false
	})
	return err
}

// open has the unit at hand be that of a time, before which, or in which, something
// may be missing.
func (t *Track) open(ticks int64, gap bool, at time.Time) error {
	pts := t.ticks(ticks)
	if gap && t.unit != nil {
		t.unit.Interrupt()
	}
	if t.unit != nil && t.unit.PTS != pts {
		t.marked = 0
		if err := t.finish(); err != nil {
			return err
		}
	}
	if t.unit == nil {
		t.unit = t.begin(pts, at)
		if gap {
			t.unit.Hurt()
		}
	}
	return nil
}

// bound refuses the unit at hand where it has passed a bound.
func (t *Track) bound(at time.Time) {
	t.to.Grown(t.unit, ingest.Mono(at)-t.unit.Mono)
}

// finish hands the unit on.
func (t *Track) finish() error {
	u := t.unit
	t.unit, t.finished = nil, u.PTS
	u.Tear()
	return t.to.Unit(u)
}

func (t *Track) begin(pts int64, at time.Time) *ingest.Unit {
	t.units++
	u := t.feed.Take()
	u.PTS = pts
	u.Arrived(at)
	return u
}

// audioPacket hands on the frames of a packet, one frame duration apart.
func (t *Track) audioPacket(p *rtp.Packet, ticks int64, gap bool, at time.Time) error {
	frames, err := t.audio.unpack(p, t.describe)
	if err != nil {
		cause := media.DropRTPMalformed
		if errors.Is(err, errFrames) {
			cause = media.DropTooManyFrames
		}
		t.to.Lost(cause, 1)
		t.to.MissingBefore(1, cause)
		if t.trial != nil {
			t.trial.frames = 0 // a frame is missing: the next time proves nothing
		}
		return nil
	}
	if t.trial != nil && len(frames) > 0 {
		return t.try(frames, ticks, gap, at)
	}
	t.frames = t.frames[:0]
	for _, frame := range frames {
		u := t.begin(0, at)
		u.Put(frame)
		t.frames = append(t.frames, u)
	}
	if len(frames) == 0 {
		return nil
	}
	return t.sound(t.frames, ticks, at)
}

// audioFrame hands on frame i of a packet.
func (t *Track) audioFrame(u *ingest.Unit, ticks int64, i int) error {
	u.PTS = t.ticks(ticks) + t.audio.duration(i, t.scale)
	return t.to.Unit(u)
}

func (t *Track) describe(asc []byte) error { return t.to.Describe(asc) }

// Close hands on a unit that was complete but for a sign of its end.
func (t *Track) Close() {
	if t.sender.came {
		t.dropOthers()
	} else {
		t.takeOthers() // the one that was named never came
	}
	if t.datagrams != nil {
		_ = t.datagrams.flush()
	}
	if t.order != nil {
		_ = t.flushOrder()
	}
	if t.unit != nil {
		_ = t.finish() // the feed remembers
	}
	if t.trial != nil {
		_ = t.decide(t.clock)
	}
	t.flushSound()
}
