package rtp

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// Track turns the RTP packets of one track into units of its feed. It leaves out the packets of other senders,
// restores the order of datagrams, counts losses and marks them in the units, and extends 32-bit times to 64 bits.
// It belongs to the goroutine of the feed.
type Track struct {
	feed      *ingest.Feed
	to        *ingest.Track
	codec     media.Codec
	clockHz   uint32 // rate of the RTP times, ticks a second
	timescale uint32 // of the feed's track
	video     depacketizer
	pictures  PicturePayload
	broken    bool // a part of the current picture of pictures is missing
	audio     AudioPayload
	trial     *clockTrial // nil: the rate of the RTP times is known
	line      soundLine
	inStream  bool           // Config.RateInStream
	exact     bool           // the timescale is the sample rate, which came in the stream
	frames    []*ingest.Unit // units of the current packet

	seen   bool   // a packet has come
	seq    uint16 // sequence number of the newest packet
	gap    bool   // data may be missing before the next payload
	losses uint64 // number of times that consecutive packets were lost

	packets, units   uint64 // number of packets, and of begun units
	arrivedNS        int64  // arrival of the newest packet
	time             unwrapper
	unit             *ingest.Unit // unit that is not complete yet; nil: none
	finishedPTSTicks int64        // PTS of the newest finished unit
	joinedTicks      int64        // RTP time of the first packet
	marked           int          // number of consecutive pictures that ended with a marker

	sender    sender
	others    candidate
	datagrams *datagrams     // nil: packets arrive in the order in which they were sent
	order     *decodingOrder // nil: NAL units arrive in decoding order
}

// Config describes a track as its session description does.
type Config struct {
	Track ingest.TrackConfig

	SSRC uint32 // of the Transport header; 0: the SSRC of the first packet
	// Datagrams is set if the network may reorder or duplicate packets.
	Datagrams bool
	// Wait is how long a datagram is held until those before it have arrived; 0: DefaultWait.
	Wait time.Duration
	// OrderDepth is the most NAL units that precede, in the order of arrival, one that is decoded before them. It
	// follows from sprop-interleaving-depth and sprop-depack-buf-nalus. 0: unknown.
	OrderDepth int

	Clock    uint32         // rate of the RTP times; 0: the track's timescale
	Audio    AudioPayload   // set for sound
	Pictures PicturePayload // set for pictures of a codec without NAL units
	// OtherClocks holds rates that some senders of the codec use in place of the announced one. The times of the
	// first packets show which rate the sender uses.
	OtherClocks []uint32
	// DecodingOrder is set if NAL units are not sent in decoding order, and have decoding order numbers: H.264 in
	// packetization mode 2 (RFC 6184, 5.3), and H.265 with sprop-max-don-diff (RFC 7798, 7.1).
	DecodingOrder bool
	// RateInStream is set for sound whose sample rate is unknown until the first frame. The track's timescale then becomes
	// that rate, so that durations are exact, although the RTP times are not.
	RateInStream bool
}

// Add adds a track to a feed. The units of the track come from RTP packets, which the caller passes to Packet. An error
// concerns the configuration; the feed is then unchanged.
func Add(f *ingest.Feed, c Config) (*Track, error) {
	video := payloadOf(c.Track.Codec)
	if video == nil && c.Audio == nil && c.Pictures == nil {
		return nil, fmt.Errorf("%s does not come in RTP packets", c.Track.Codec)
	}
	c.Track.DeriveDTS = true
	to, err := f.AddTrack(c.Track)
	if err != nil {
		return nil, err
	}
	t := &Track{feed: f, to: to, codec: c.Track.Codec, clockHz: c.Clock, timescale: c.Track.Timescale, video: video, pictures: c.Pictures, audio: c.Audio, inStream: c.RateInStream}
	to.HoldBack(t)
	if t.clockHz == 0 {
		t.clockHz = t.timescale
	}
	t.sender.ssrc, t.sender.known = c.SSRC, c.SSRC != 0
	if c.Datagrams {
		t.ExpectDatagrams()
		t.datagrams.wait = c.Wait
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

// ExpectDatagrams has the effect of Config.Datagrams. The caller calls it before the first packet.
func (t *Track) ExpectDatagrams() {
	t.datagrams = &datagrams{deliver: t.take, count: func(cause string) { t.to.Repaired(cause, 1) }}
}

// Packet takes a packet that arrived at a time. It keeps no reference to the packet. An error means that the
// publisher has ended.
func (t *Track) Packet(p *rtp.Packet, at time.Time) (err error) {
	if t.admit(p, at) {
		err = t.pass(p, at)
	}
	t.feed.Look(at)
	return err
}

// pass takes a packet of the track's sender, in the order of arrival. It restores the order of datagrams, and
// passes each packet to take.
func (t *Track) pass(p *rtp.Packet, at time.Time) error {
	if t.datagrams != nil {
		t.to.Present() // at once, because the packet may be held for a while
		return t.datagrams.packet(p, at)
	}
	return t.take(p, at)
}

// take takes the next packet of the track's sender, in the order in which the packets were sent.
func (t *Track) take(p *rtp.Packet, at time.Time) error {
	gap := t.missing(p.SequenceNumber) || t.gap
	t.packets++
	if t.gap = gap && len(p.Payload) == 0; len(p.Payload) == 0 { // padding only (RFC 3550, 5.1)
		return nil
	}
	mono := ingest.Mono(at)
	t.arrivedNS = mono
	t.to.Hear(mono)
	ticks := t.time.next(p.Timestamp)
	if t.units == 0 && t.joins(p.Payload, ticks) {
		t.gap = true
		return nil
	}
	var err error
	switch {
	case t.video != nil:
		err = t.videoPacket(p, ticks, gap, at)
	case t.pictures != nil:
		err = t.picturePacket(p, ticks, gap, at)
	default:
		err = t.audioPacket(p, ticks, gap, at)
	}
	if t.unit != nil {
		t.to.Unended(t.unit, mono)
	}
	return err
}

// joins reports whether a payload is the rest of a picture that began before the session. It returns false for
// datagrams, because the beginning of the picture may have been lost instead, and if NAL units are not sent in decoding
// order.
func (t *Track) joins(payload []byte, ticks int64) bool {
	if t.packets == 1 {
		t.joinedTicks = ticks
	}
	if ticks != t.joinedTicks || t.datagrams != nil || t.order != nil {
		return false
	}
	return t.video != nil && t.video.joins(payload) || t.pictures != nil && t.pictures.joins(payload)
}

// Holding implements ingest.Holder: it reports whether the track's first datagrams are held, or NAL units until NAL
// units that are decoded before them arrive.
func (t *Track) Holding() bool {
	return t.order != nil && len(t.order.held) > 0 || t.datagrams != nil && t.datagrams.n > 0 && t.datagrams.last.IsZero()
}

// Overdue implements ingest.Holder: it releases the held datagrams if the track is silent.
func (t *Track) Overdue() {
	if t.datagrams != nil {
		_ = t.datagrams.look() // the feed remembers the error
	}
}

// Unannounced counts a packet of the track whose payload type no format announces.
func (t *Track) Unannounced(at time.Time) { t.to.Unannounced(media.DropWrongPayloadType, at) }

// Leave records that no more data of the track is expected, for example because the sender uses another announced
// format. It closes the track.
func (t *Track) Leave() {
	t.Close()
	t.to.Leave()
}

// Info takes the RTP time at which playing starts, from the header RTP-Info (RFC 2326, 12.33).
func (t *Track) Info(rtpTime uint32) {
	t.place(byInfo, t.time.near(rtpTime), 0)
}

// place passes a point of the track to the feed. While the rate of the RTP times is unknown (see clockTrial), it
// keeps the point instead. ticks is an extended RTP time. ns is the sender's clock at that time; it matters only
// for byReport.
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

func (t *Track) ticks(v int64) int64 { return media.Rescale(v, t.clockHz, t.timescale) }

// missing takes the sequence number of the next packet. It counts the packets missing before that packet, and reports
// whether data may be missing before it. Before the first packet data may be missing, and nothing is counted. The same
// holds for a sequence number that goes back, because the sender has started over.
func (t *Track) missing(seq uint16) bool {
	n := seq - t.seq - 1
	first := !t.seen
	t.seen, t.seq = true, seq
	if !first && n > 0 && n < 0x8000 {
		t.lost(n)
	}
	return first || n != 0
}

// Losses returns the number of times that consecutive packets were lost.
func (t *Track) Losses() uint64 { return t.losses }

func (t *Track) lost(packets uint16) {
	t.to.Lost(media.DropRTPLoss, uint64(packets))
	t.to.MissingBefore(max(int(uint64(packets)*t.units/t.packets), 1), media.DropRTPLoss)
	if t.losses++; bits.OnesCount64(t.losses) == 1 { // log the 1st, 2nd, 4th, 8th...
		t.feed.Log().Warn("packets were lost on the way: their pictures or frames are missing or damaged; use TCP to lose none",
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

// timed takes a payload, an MTAP, whose NAL units have times of their own and are in decoding order.
func (t *Track) timed(p []byte, ticks int64, gap bool, at time.Time) (err error) {
	_ = eachTimed(p, func(_ uint16, offset uint32, nal []byte) {
		if err == nil {
			err = t.element(nal, ticks+int64(offset), gap, at)
		}
		gap = false
	})
	return err
}

// open makes the unit with the time ticks the current one. It first finishes a current unit with another time. gap
// reports whether data may be missing between the data before and the data that the caller adds next.
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

// bound makes the feed refuse the current unit if the unit is too old or if the feed has no memory for it: see
// ingest.Track.Grown. at is the arrival of the unit's newest data.
func (t *Track) bound(at time.Time) {
	t.to.Grown(t.unit, ingest.Mono(at)-t.unit.MonoNS)
}

// finish ends the current unit, which must exist, and passes it to the feed.
func (t *Track) finish() error {
	u := t.unit
	t.unit, t.finishedPTSTicks = nil, u.PTS
	if t.pictures != nil && !t.broken {
		t.pictures.end(u)
	}
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

// Close passes the packets and units that are still held to the feed.
func (t *Track) Close() {
	if t.sender.came {
		t.dropOthers()
	} else {
		t.takeOthers() // the announced sender has sent nothing
	}
	if t.datagrams != nil {
		_ = t.datagrams.flush()
	}
	if t.order != nil {
		_ = t.flushOrder()
	}
	if t.unit != nil {
		_ = t.finish() // the feed remembers the error
	}
	if t.trial != nil {
		_ = t.decide(t.clockHz)
	}
	t.flushSound()
}
