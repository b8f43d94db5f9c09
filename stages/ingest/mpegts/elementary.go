package mpegts

import (
	"math/bits"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// payload reads the data of the PES packets of one elementary stream, and makes units of it.
type payload interface {
	// begin begins a PES packet. The times are those of the first access unit that begins in it.
	begin(t times)
	// add takes data of the PES packet. It keeps no reference to b.
	add(b []byte)
	// lost records that data is missing between the data before and the data after.
	lost()
	// flush passes on what is held, because no further data comes.
	flush()
}

// times are the times of a PES packet.
type times struct {
	known    bool
	pts, dts int64 // ticks of clockHz
}

// elementary is an elementary stream that is recorded.
type elementary struct {
	of      *Demuxer
	form    *carried
	sets    [][]byte // parameter sets in the PMT
	kind    uint8    // stream_type
	pid     uint16
	counter continuity
	track   *ingest.Track // nil until the publication has begun
	payload payload

	state elementaryState
	head  []byte // the beginning of the header of a PES packet
	left  int    // bytes of the PES packet that have not come; negative: unknown

	stuffed        bool   // the newest packet is the last one of its PES packet
	packets, units uint64 // numbers of packets and of begun units
	losses         uint64 // number of times that packets were lost
	scrambled      bool   // that the stream is scrambled has been logged
}

type elementaryState uint8

const (
	betweenPES elementaryState = iota // data belongs to no PES packet that can be read
	inHeader
	inPayload
)

// beginsMedia reports whether a PES packet begins in a packet.
func beginsMedia(p *packet) bool {
	b := p.payload
	return p.begins && !p.scrambled && len(b) >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 1
}

// packet takes a packet of the stream.
func (e *elementary) packet(p *packet) {
	if len(p.payload) == 0 {
		return
	}
	e.track.Hear(ingest.Mono(e.of.at))
	follows, missing := e.counter.next(p)
	switch follows {
	case again:
		e.track.Repaired(ingest.RepairedTwice, 1)
		return
	case afterLoss:
		e.missing(missing)
		e.tear(p)
	case afterCut:
		e.tear(p)
	}
	e.packets++
	e.stuffed = p.stuffed
	if p.scrambled {
		e.scrambledPacket()
		return
	}
	if p.begins {
		e.endPES()
		e.state, e.head = inHeader, e.head[:0]
	}
	e.take(p.payload)
}

// missing counts lost packets.
func (e *elementary) missing(packets int) {
	e.track.Lost(media.DropTSLoss, uint64(max(packets, 1)))
	if e.losses++; bits.OnesCount64(e.losses) == 1 { // log the 1st, 2nd, 4th, 8th...
		e.of.log.Warn("packets of the transport stream are missing: their pictures or frames are missing or damaged",
			"codec", e.form.name, "pid", e.pid, "packets", packets, "times_so_far", e.losses)
	}
}

// lostUnits returns about how many units are lost with a number of packets.
func (e *elementary) lostUnits(packets int) int {
	return max(int(uint64(packets)*e.units/max(e.packets, 1)), 1)
}

// tear records that data is missing, or may be, before a packet. If the PES packet before is whole and another one begins,
// nothing of the former is missing: so are the pictures and frames at the ends of files that were joined.
func (e *elementary) tear(p *packet) {
	whole := e.state == inPayload && (e.left == 0 || e.left < 0 && e.stuffed)
	if !whole || !p.begins {
		e.cut()
		return
	}
	e.payload.flush()
	e.payload.lost()
	if _, pictures := e.payload.(*nalUnits); pictures { // a whole one may be missing
		e.track.MissingBefore(1, media.DropTSLoss)
	}
}

// cut records that data is missing before the next packet.
func (e *elementary) cut() {
	e.payload.lost()
	switch e.state {
	case inHeader:
		e.state = betweenPES
	case inPayload:
		e.left = -1
	}
}

func (e *elementary) scrambledPacket() {
	e.track.Lost(media.DropScrambled, 1)
	if e.state != betweenPES {
		e.payload.lost()
		e.state = betweenPES
	}
	if !e.scrambled {
		e.scrambled = true
		e.of.log.Warn("an elementary stream is scrambled and cannot be recorded: switch encryption off at the sender", "codec", e.form.name, "pid", e.pid)
	}
}

// malformed counts data that contradicts the format.
func (e *elementary) malformed() { e.track.Lost(media.DropTSMalformed, 1) }

// endPES ends a PES packet because the next one begins. If its data is incomplete, packets are missing although their
// counters agree: sixteen of them, or a multiple.
func (e *elementary) endPES() {
	switch {
	case e.state == inHeader:
		e.malformed()
		e.payload.lost()
	case e.state == inPayload && e.left > 0:
		e.malformed()
		e.payload.lost()
	}
}

// take takes the data of a packet.
func (e *elementary) take(b []byte) {
	switch e.state {
	case betweenPES:
		return
	case inHeader:
		had := len(e.head)
		e.head = append(e.head, b[:min(len(b), maxPESHeaderBytes-had)]...)
		h, state := readPES(e.head)
		switch {
		case state == pesUnknown:
			return
		case state == pesBad:
			e.malformed()
			e.payload.lost()
			e.state = betweenPES
			return
		case h.plain:
			e.state = betweenPES
			return
		case h.scrambled:
			e.scrambledPacket()
			return
		}
		e.state, e.left = inPayload, h.length
		t := times{known: h.timed}
		if h.timed {
			e.of.clock.extend(&h)
			t.pts, t.dts = h.pts, h.dts
			e.of.arrive()
		}
		e.payload.begin(t)
		b = b[h.bytes-had:]
	}
	if e.left >= 0 {
		b = b[:min(len(b), e.left)]
		e.left -= len(b)
	}
	if len(b) > 0 {
		e.payload.add(b)
	}
}

// ended reports whether all data of the newest PES packet has come, as far as that can be told: only the last packet of a
// PES packet is stuffed. A PES packet that fills its packets exactly seems not to be ended, except at the end of a file.
func (e *elementary) ended() bool { return e.left == 0 || e.stuffed || e.of.whole }

// unit returns an empty unit of the stream that begins now.
func (e *elementary) unit() *ingest.Unit {
	e.units++
	u := e.of.feed.Take()
	u.Arrived(e.of.at)
	return u
}

// pass passes a unit to the feed.
func (e *elementary) pass(u *ingest.Unit) { e.of.fail(e.track.Unit(u)) }

// grown counts the growth of a unit that is not complete.
func (e *elementary) grown(u *ingest.Unit) {
	mono := ingest.Mono(e.of.at)
	e.track.Grown(u, mono-u.MonoNS)
	e.track.Unended(u, mono)
}
