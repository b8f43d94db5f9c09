package rtp

import (
	"encoding/binary"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// Sender makes the packets and reports of one track for one client. One goroutine at a time uses it.
type Sender struct {
	Channel byte // of the packets; that of the reports is the next one

	track     *media.Track
	form      *form  // of the codec
	clock     uint32 // ticks a second of the RTP times
	pt        uint8
	ssrc      uint32
	sequence  uint16
	zero      uint32 // RTP time of time 0
	shift     uint32 // added to the RTP times of the present publisher
	packets   uint32 // sent so far, as are octets of their payloads
	octets    uint32
	reportNS  int64  // time of the newest report on the steady clock of the units
	reports   int    // sent so far
	newest    uint32 // RTP time of the newest unit
	newestUTC int64
	leftOut   uint64 // units since the last call of LeftOut
	untimed   bool   // see Untimed

	extension   [extensionBytes]byte // of the next packet, if extends is set
	extends     bool
	headerBytes int // of the packet that was begun last
	mostBytes   int // of the payload of a packet

	payload payload
	scratch []byte // length or header of a NAL unit
}

// NewSender returns a sender for a track that Describe or DescribeCompressed has described, and whose packets have an SSRC. random numbers the
// first packet and its time: an attacker should not guess them (RFC 3550, 5.1).
func NewSender(t *media.Track, f format.Format, ssrc uint32, channel byte, random uint64) *Sender {
	as := formOf(t)
	if law, is := f.(lawFormat); is {
		as = law.form()
	}
	return &Sender{
		Channel: channel, track: t, form: as, clock: uint32(f.ClockRate()), pt: f.PayloadType(), ssrc: ssrc,
		sequence: uint16(random), zero: uint32(random >> 16), mostBytes: maxPayloadBytes,
	}
}

// Begin continues with the track of another publisher, which Fits that of the sender. Time 0 of its units is shiftNS after that
// of the sender.
func (s *Sender) Begin(t *media.Track, shiftNS int64) {
	s.track, s.shift = t, uint32(media.FromNanos(shiftNS, s.clock))
}

// Skip tells the client that packets are missing before the next one.
func (s *Sender) Skip() { s.sequence++ }

// leaveOut leaves out a unit that RTP cannot carry.
func (s *Sender) leaveOut() {
	s.Skip()
	s.leftOut++
}

// LeftOut returns the number of units, since its last call, that RTP cannot carry in the form of the codec.
func (s *Sender) LeftOut() (n uint64) {
	n, s.leftOut = s.leftOut, 0
	return n
}

// Unit appends the packets of a unit of the track, and a report when one is due: the first one behind the first packets, because
// clients ignore reports of an unknown source.
func (s *Sender) Unit(f *Frames, u *live.Unit) {
	s.newest, s.newestUTC = s.at(u.PTS), u.UTC
	s.payload.reset(u)
	s.form.packetise(s, f, u)
	if steadyNS := u.UTC - u.SteppedNS; s.untimed {
		return
	} else if s.reports == 0 || steadyNS-s.reportNS >= s.reportEveryNS() {
		s.reports, s.reportNS = s.reports+1, steadyNS
		s.report(f)
	}
}

// Untimed sets whether the sender makes no report but that of Leave, which then has no times: the client decides how fast it takes
// the units (ONVIF Streaming Specification, Use of RTCP).
func (s *Sender) Untimed(untimed bool) { s.untimed = untimed }

// At returns the RTP time of a time of the track.
func (s *Sender) At(ticks int64) uint32 { return s.at(ticks) }

// at returns the RTP time of a time of the track.
func (s *Sender) at(ticks int64) uint32 {
	return s.zero + s.shift + uint32(media.Rescale(ticks, s.track.Timescale, s.clock))
}

// open begins a packet at an RTP time. The payload follows; then close ends the packet.
func (s *Sender) open(f *Frames, at uint32, marker bool) (place int) {
	place = f.open(s.Channel)
	second := s.pt
	if marker {
		second |= 0x80
	}
	f.b = append(f.b, 0x80, second)
	s.headerBytes = headerBytes
	f.b = binary.BigEndian.AppendUint16(f.b, s.sequence)
	f.b = binary.BigEndian.AppendUint32(f.b, at)
	f.b = binary.BigEndian.AppendUint32(f.b, s.ssrc)
	if s.extends {
		f.b[place+frameHeaderBytes] |= 0x10
		f.b = append(f.b, s.extension[:]...)
		s.extends, s.headerBytes = false, headerBytes+extensionBytes
	}
	s.sequence++
	s.packets++
	return place
}

func (s *Sender) close(f *Frames, place int) {
	f.close(place)
	s.octets += uint32(len(f.b) - place - frameHeaderBytes - s.headerBytes)
}

// mark sets the marker of the packet at a place; -1: no packet.
func (s *Sender) mark(f *Frames, place int) {
	if place >= 0 {
		f.b[place+frameHeaderBytes+1] |= 0x80
	}
}

// reportEveryNS returns the time between two reports: five seconds (RFC 3550, 6.2), but less at the beginning. By UDP the first
// reports may overtake the packets, and be ignored.
func (s *Sender) reportEveryNS() int64 {
	if s.reports < 4 {
		return (500 * time.Millisecond).Nanoseconds()
	}
	return (5 * time.Second).Nanoseconds()
}

// secondsTo1970 is the number of seconds from the begin of NTP's time in 1900 to that of Unix.
const secondsTo1970 = 2208988800

// ntp returns a wall clock, ns UTC, as an NTP timestamp (RFC 3550, 4).
func ntp(utc int64) uint64 {
	at, second := uint64(utc), uint64(time.Second)
	return (at/second+secondsTo1970)<<32 | at%second<<32/second
}

// report appends a sender report (RFC 3550, 6.4.1), which says at which wall clock the newest unit is shown, and the source
// description that has to go with it (6.1).
func (s *Sender) report(f *Frames) {
	place := f.open(s.Channel + 1)
	f.b = append(f.b, 0x80, 200, 0, 6)
	f.b = binary.BigEndian.AppendUint32(f.b, s.ssrc)
	at, newest := ntp(s.newestUTC), s.newest
	if s.untimed {
		at, newest = 0, 0
	}
	f.b = binary.BigEndian.AppendUint64(f.b, at)
	for _, n := range []uint32{newest, s.packets, s.octets} {
		f.b = binary.BigEndian.AppendUint32(f.b, n)
	}
	f.b = s.describe(f.b)
	f.close(place)
}

// Bye appends a report that the track ends (RFC 3550, 6.6).
func (s *Sender) Bye(f *Frames) {
	if s.reports > 0 {
		s.Leave(f)
	}
}

// Leave is Bye for a track of which maybe no unit was sent.
func (s *Sender) Leave(f *Frames) {
	s.report(f)
	place := f.open(s.Channel + 1)
	f.b = append(f.b, 0x80, 201, 0, 1) // an empty receiver report begins the compound packet
	f.b = binary.BigEndian.AppendUint32(f.b, s.ssrc)
	f.b = s.describe(f.b)
	f.b = append(f.b, 0x81, 203, 0, 1)
	f.b = binary.BigEndian.AppendUint32(f.b, s.ssrc)
	f.close(place)
}

// describe appends a source description with the name spool (RFC 3550, 6.5.1).
func (s *Sender) describe(b []byte) []byte {
	b = append(b, 0x81, 202, 0, 3)
	b = binary.BigEndian.AppendUint32(b, s.ssrc)
	return append(b, 1, 5, 's', 'p', 'o', 'o', 'l', 0)
}

// Next returns the sequence number of the next packet and, if a unit was sent, the RTP time of the newest one.
func (s *Sender) Next() (sequence uint16, at uint32) { return s.sequence, s.newest }

// Timescale returns that of the track.
func (s *Sender) Timescale() uint32 { return s.track.Timescale }
