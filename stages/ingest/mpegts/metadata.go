package mpegts

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// kindMetadata is the stream_type of metadata in PES packets (2.12.1).
const kindMetadata = 0x15

const formatKLV = "KLVA"

// isKLV reports whether an elementary stream is KLV (SMPTE RP 217): private data with a registered format, or metadata
// whose descriptor (2.6.60) has that format.
func isKLV(c *component) bool {
	if c.descriptors.registration() == formatKLV && (c.kind == kindPrivate || c.kind == kindMetadata) {
		return true
	}
	data, found := c.descriptors.find(tagMetadata)
	if !found || c.kind != kindMetadata || len(data) < 3 {
		return false
	}
	at := 2
	if binary.BigEndian.Uint16(data) == 0xffff {
		at += 4 // metadata_application_format_identifier
	}
	return len(data) >= at+5 && data[at] == 0xff && string(data[at+1:at+5]) == formatKLV
}

// metadata makes units of KLV. Without a time, data has that of the newest data of the program. In synchronous streams
// each access unit has a header (2.12.4).
type metadata struct {
	e     *elementary
	cells bool // access units have headers
	buf   []byte
	times times
	open  bool  // buf has the beginning of the data of a PES packet
	last  int64 // time of the newest unit
	any   bool
}

func newMetadata(e *elementary) payload { return &metadata{e: e, cells: e.kind == kindMetadata} }

func (m *metadata) begin(t times) {
	m.flush()
	if !t.known {
		t = times{m.e.of.clock.any, m.e.of.clock.newest, m.e.of.clock.newest}
	}
	m.times, m.open = t, true
}

// maxMetadataBytes bounds the metadata of one time.
const maxMetadataBytes = 1 << 20

func (m *metadata) add(b []byte) {
	if !m.open {
		return
	}
	if len(m.buf)+len(b) > maxMetadataBytes {
		m.e.malformed()
		m.lost()
		return
	}
	m.buf = append(m.buf, b...)
	if m.e.left == 0 {
		m.flush()
	}
}

func (m *metadata) lost() {
	if m.open {
		m.e.track.Lost(media.DropDamaged, 1)
		m.e.track.MissingBefore(1, media.DropTSLoss)
	}
	m.buf, m.open = m.buf[:0], false
}

func (m *metadata) flush() {
	b := m.buf
	m.buf, m.open = m.buf[:0], false
	if len(b) == 0 {
		return
	}
	if !m.times.known {
		m.e.malformed() // no time has come yet
		return
	}
	u := m.e.unit()
	u.PTS = m.times.pts
	if m.any {
		u.PTS = max(u.PTS, m.last+1)
	}
	u.DTS, m.last, m.any = u.PTS, u.PTS, true
	u.Begin()
	if m.cells {
		if !eachCell(b, func(cell []byte) { u.Add(cell...) }) {
			m.e.malformed()
		}
	} else {
		u.Add(b...)
	}
	if !codec.BeginsKLV(u.Bytes()) {
		u.Drop()
		m.e.malformed()
		m.e.of.feed.Put(u)
		return
	}
	u.End()
	m.e.pass(u)
}

// eachCell calls cell with the data of each cell (2.12.4.2). It reports whether the cells fill b.
func eachCell(b []byte, cell func([]byte)) bool {
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := int(binary.BigEndian.Uint16(b[3:]))
		if n > len(b)-5 {
			return false
		}
		cell(b[5 : 5+n])
		b = b[5+n:]
	}
	return true
}
