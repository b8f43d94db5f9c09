package mpegts

import (
	"bytes"
	"fmt"
	"io"

	"github.com/gospool/spool/pipeline/media"
)

// Clock is the rate of the times of a stream, Hz.
const Clock = 90000

// Times of a stream, ticks of Clock.
const (
	// Delay is the time from the arrival of an access unit at a decoder to its decoding time.
	Delay = Clock / 2
	// Begin is a good decoding time for the first access unit: the PCR is then not negative.
	Begin = 1 * Clock
	// Leap is the longest step of time that PCRs fill. A longer one is a discontinuity.
	Leap = 10 * Clock

	pcrPeriod   = Clock * 8 / 100  // the standard allows 100 ms (2.7.2)
	tablePeriod = Clock * 10 / 100 // between two PMTs
	mask        = 1<<33 - 1
)

// flushBytes is about the number of bytes that are written at once.
const flushBytes = 64 << 10

// Track describes an elementary stream.
type Track struct {
	Form     *Form
	Kind     media.Kind
	Language string // ISO 639-2/T code; empty means und
}

// Muxer writes a transport stream of one program. It belongs to one goroutine. It does not allocate memory for an access
// unit, except for one that is larger than those before.
type Muxer struct {
	out     io.Writer
	buf     []byte // packets that are not written yet
	written int64  // bytes that were written

	streams   []stream
	pcrStream int
	version   byte // of the PMT
	pat, pmt  []byte
	counters  [2]byte // of the packets of the PAT and of the PMT

	begun    bool
	pcr      int64 // newest one
	tablesAt int64 // PCR at the newest tables
	due      bool  // tables come before the next packet

	pes []byte // memory of a PES packet
}

// stream is an elementary stream.
type stream struct {
	Track
	form    *Form
	pid     uint16
	counter byte
	changed bool // the next packet has discontinuity_indicator
}

// NewMuxer returns a Muxer that writes to out, in pieces of about 64 KiB.
func NewMuxer(out io.Writer) *Muxer { return &Muxer{out: out} }

// SetTracks sets the tracks of the stream, before the first Write and at every change. It returns an error for more tracks
// than MaxTracks, and for none.
func (m *Muxer) SetTracks(tracks []Track) error {
	if len(tracks) > MaxTracks || len(tracks) == 0 {
		return fmt.Errorf("%d tracks: MPEG-TS is written with 1 to %d", len(tracks), MaxTracks)
	}
	old := m.streams
	m.streams, m.pcrStream = make([]stream, len(tracks)), 0
	for i, t := range tracks {
		s := &m.streams[i]
		*s = stream{Track: t, form: t.Form, pid: firstPID + uint16(i), counter: 15, changed: m.begun}
		if i < len(old) { // packets of a PID are counted on
			s.counter = old[i].counter
		}
		if t.Kind == media.Video && m.streams[m.pcrStream].Kind != media.Video {
			m.pcrStream = i
		}
	}
	m.describe()
	return nil
}

// SetForm changes the description of a track from the next unit on.
func (m *Muxer) SetForm(track int, f *Form) {
	s := &m.streams[track]
	old := s.form
	s.form, s.changed = f, m.begun
	if !old.same(f) {
		m.describe()
	}
}

// describe makes new tables.
func (m *Muxer) describe() {
	if m.pmt == nil {
		m.counters = [2]byte{15, 15}
	}
	pat, pmt := m.tables()
	if m.pmt != nil && !bytes.Equal(pmt, m.pmt) {
		m.version = (m.version + 1) & 0x1f
		pat, pmt = m.tables()
	}
	m.pat, m.pmt, m.due = pat, pmt, true
}

// Unit is an access unit.
type Unit struct {
	DTS, PTS int64  // ticks of Clock, not less than Delay; a DTS after the PTS is written as the PTS
	Sync     bool   // a decoder can start here
	Data     []byte // in mdat form
}

// Write writes the PES packet of an access unit of a track, which is an index in the tracks. The units of all tracks come
// in about the order of their decoding times. It keeps no reference to u.Data.
func (m *Muxer) Write(track int, u *Unit) error {
	s := &m.streams[track]
	if err := m.pack(s, u); err != nil {
		return err
	}
	arrives := u.DTS - Delay
	if !m.begun {
		m.begun, m.pcr = true, arrives-pcrPeriod-1
	}
	m.fill(arrives)
	leads := track == m.pcrStream
	key := u.Sync && leads && s.Kind == media.Video
	if m.due || key || m.pcr-m.tablesAt >= tablePeriod {
		m.writeTables(max(m.pcr, arrives))
	}
	f := field{}
	if s.changed {
		f.flags, s.changed = fieldDiscontinuity, false
	}
	if u.Sync && (leads || s.Kind == media.Video) {
		f.flags |= fieldRandomAccess
	}
	if leads && arrives > m.pcr {
		f.flags, f.pcr, m.pcr = f.flags|fieldPCR, arrives, arrives
	}
	m.buf = packetise(m.buf, s.pid, &s.counter, f, m.pes)
	if len(m.buf) < flushBytes {
		return nil
	}
	return m.Flush()
}

// fill writes packets with a PCR up to a time, so that none follows the one before by more than pcrPeriod. After a leap of
// time it writes one, which begins the new time.
func (m *Muxer) fill(arrives int64) {
	if arrives-m.pcr > Leap {
		m.clock(arrives, fieldDiscontinuity)
	}
	for arrives-m.pcr > pcrPeriod+1 {
		m.clock(m.pcr+pcrPeriod, 0)
		if m.pcr-m.tablesAt >= tablePeriod {
			m.writeTables(m.pcr)
		}
	}
}

// clock writes a packet that has a PCR only.
func (m *Muxer) clock(pcr int64, flags byte) {
	m.pcr = pcr
	if m.due { // a decoder needs the PMT for the PCR
		m.writeTables(pcr)
	}
	s := &m.streams[m.pcrStream]
	m.buf = field{fieldPCR | flags, pcr}.put(head(m.buf, s.pid, false, true, false, &s.counter), roomBytes)
}

// writeTables writes the PAT and the PMT.
func (m *Muxer) writeTables(at int64) {
	m.tablesAt, m.due = at, false
	m.buf = packetiseSection(m.buf, patPID, &m.counters[0], m.pat)
	m.buf = packetiseSection(m.buf, pmtPID, &m.counters[1], m.pmt)
}

// The stream_ids of PES packets (table 2-22).
const (
	videoID   = 0xe0
	audioID   = 0xc0
	privateID = 0xbd // private_stream_1
)

// maxPESBytes is the largest PES_packet_length.
const maxPESBytes = 1<<16 - 1

// pack sets m.pes to the PES packet of a unit (2.4.3.6).
func (m *Muxer) pack(s *stream, u *Unit) (err error) {
	id, pts, dts := byte(audioID), u.PTS&mask, min(u.DTS, u.PTS)&mask
	switch {
	case s.form.private:
		id = privateID
	case s.Kind == media.Video:
		id = videoID
	}
	const aligned, onlyPTS, both = 0x84, 0x80, 0xc0
	b := append(m.pes[:0], 0, 0, 1, id, 0, 0, aligned)
	if dts == pts {
		b = appendTime(append(b, onlyPTS, 5), 2, pts)
	} else {
		b = appendTime(appendTime(append(b, both, 10), 3, pts), 1, dts)
	}
	if b, err = s.form.append(b, u.Data, u.Sync); err != nil {
		return err
	}
	m.pes = b
	const before = 6
	switch length := len(b) - before; {
	case length <= maxPESBytes:
		b[4], b[5] = byte(length>>8), byte(length)
	case id != videoID: // only pictures may have no length
		return fmt.Errorf("an access unit of %d bytes does not fit a PES packet of %s: %w", len(u.Data), s.Kind, media.ErrTooLarge)
	}
	return nil
}

// Flush writes what is held back.
func (m *Muxer) Flush() error {
	if len(m.buf) == 0 {
		return nil
	}
	n, err := m.out.Write(m.buf)
	m.written += int64(n)
	m.buf = m.buf[:0]
	return err
}

// Bytes returns the number of bytes written so far.
func (m *Muxer) Bytes() int64 { return m.written }
