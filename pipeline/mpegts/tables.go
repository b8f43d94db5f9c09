package mpegts

import "encoding/binary"

// The PIDs of a stream. The elementary streams follow firstPID.
const (
	patPID   = 0
	pmtPID   = 0x1000
	firstPID = 0x100
)

const (
	streamID      = 1 // transport_stream_id
	programNumber = 1
)

// MaxTracks bounds the tracks of a stream, so that the PMT is one section of less than 1024 bytes.
const MaxTracks = 32

// tables makes the sections of the PAT and of the PMT (2.4.4.3 and 2.4.4.8).
func (m *Muxer) tables() (pat, pmt []byte) {
	pat = section(0x00, streamID, 0, []byte{programNumber >> 8, programNumber & 0xff, 0xe0 | pmtPID>>8, pmtPID & 0xff})
	pcr := m.streams[m.pcrStream].pid
	body := []byte{0xe0 | byte(pcr>>8), byte(pcr), 0xf0, 0} // program_info_length is 0
	for i := range m.streams {
		s := &m.streams[i]
		d := s.form.descriptors
		if len(s.Language) == 3 && s.Language != "und" {
			d = append(append([]byte{0x0a, 4}, s.Language...), 0) // ISO_639_language_descriptor (2.6.18)
			d = append(d, s.form.descriptors...)
		}
		body = append(body, s.form.streamType, 0xe0|byte(s.pid>>8), byte(s.pid), 0xf0|byte(len(d)>>8), byte(len(d)))
		body = append(body, d...)
	}
	return pat, section(0x02, programNumber, m.version, body)
}

// section returns a section with its header and its checksum.
func section(id byte, extension uint16, version byte, body []byte) []byte {
	length := 5 + len(body) + 4
	s := []byte{id, 0xb0 | byte(length>>8), byte(length), byte(extension >> 8), byte(extension), 0xc1 | version&0x1f<<1, 0, 0}
	s = append(s, body...)
	return binary.BigEndian.AppendUint32(s, CRC32(s))
}

// crcTable is the table of the CRC of sections (annex A), for one byte.
var crcTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ 0x04c11db7&-(c>>31)
		}
		t[i] = c
	}
	return t
}()

// CRC32 returns the checksum of a section. It is 0 for a section with its right checksum behind it.
func CRC32(b []byte) uint32 {
	c := ^uint32(0)
	for _, v := range b {
		c = c<<8 ^ crcTable[byte(c>>24)^v]
	}
	return c
}
