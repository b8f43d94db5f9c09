package mpegts

import "encoding/binary"

// The identifiers of tables (2.4.4.4).
const (
	tablePAT = 0
	tablePMT = 2
)

// tableSection is a section of a table: its header, and the data between that and the checksum (2.4.4.10).
type tableSection struct {
	id           uint8
	extension    uint16 // transport_stream_id of the PAT, program_number of a PMT
	version      uint8
	current      bool // the table is in use; else it will be later
	number, last uint8
	checksum     uint32
	data         []byte
}

// readSection reads a whole section whose checksum is right.
func readSection(b []byte) (s tableSection, ok bool) {
	if len(b) < 12 || b[1]&0x80 == 0 {
		return s, false
	}
	s = tableSection{
		id: b[0], extension: binary.BigEndian.Uint16(b[3:]), version: b[5] >> 1 & 0x1f, current: b[5]&1 != 0, number: b[6], last: b[7],
		checksum: binary.BigEndian.Uint32(b[len(b)-4:]), data: b[8 : len(b)-4],
	}
	return s, s.number <= s.last
}

// program is an entry of the PAT.
type program struct {
	number uint16
	pid    uint16 // of its PMT
}

// maxPrograms bounds the programs of which the tables are read.
const maxPrograms = 64

// association collects the sections of the PAT (2.4.4.3).
type association struct {
	known     bool
	version   uint8
	last      uint8
	checksums map[uint8]uint32 // of the sections that have come
	sections  map[uint8][]program
}

// take takes a section. changed reports whether the PAT is complete and has changed.
func (a *association) take(s *tableSection) (changed bool) {
	if a.known && s.version == a.version && s.last == a.last && a.checksums[s.number] == s.checksum {
		return false
	}
	if _, repeated := a.checksums[s.number]; !a.known || repeated || s.version != a.version || s.last != a.last {
		*a = association{known: true, version: s.version, last: s.last, checksums: map[uint8]uint32{}, sections: map[uint8][]program{}}
	}
	a.checksums[s.number] = s.checksum
	var list []program
	for b := s.data; len(b) >= 4; b = b[4:] {
		p := program{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]) & 0x1fff}
		if p.number != 0 { // 0 is the network information table
			list = append(list, p)
		}
	}
	a.sections[s.number] = list
	return len(a.checksums) == int(a.last)+1
}

// programs returns the programs of a complete PAT, at most maxPrograms, in its order.
func (a *association) programs() (all []program) {
	for i := range int(a.last) + 1 {
		for _, p := range a.sections[uint8(i)] {
			if len(all) < maxPrograms && p.pid != nullPID && p.pid != 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// component is an elementary stream of a program, as the PMT describes it (2.4.4.8).
type component struct {
	kind        uint8 // stream_type
	pid         uint16
	descriptors descriptors
}

// maxComponents bounds the elementary streams of a program.
const maxComponents = 64

// readProgramMap reads the elementary streams in the data of a section of a PMT. own are the descriptors of the program.
// The result shares the memory of data. ok is false if the data contradicts the format.
func readProgramMap(data []byte) (own descriptors, list []component, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(data[2:]) & 0xfff)
	if n > len(data)-4 {
		return nil, nil, false
	}
	own = descriptors(data[4 : 4+n])
	for b := data[4+n:]; len(b) > 0; {
		if len(b) < 5 {
			return own, list, false
		}
		n := int(binary.BigEndian.Uint16(b[3:]) & 0xfff)
		if n > len(b)-5 {
			return own, list, false
		}
		if len(list) < maxComponents {
			list = append(list, component{b[0], binary.BigEndian.Uint16(b[1:]) & 0x1fff, descriptors(b[5 : 5+n])})
		}
		b = b[5+n:]
	}
	return own, list, true
}

// descriptors are the descriptors of a program or of an elementary stream (2.6.1).
type descriptors []byte

// find returns the data of the first descriptor with a tag, and reports whether there is one.
func (d descriptors) find(tag uint8) (data []byte, found bool) {
	for len(d) >= 2 {
		n := int(d[1])
		if n > len(d)-2 {
			return nil, false
		}
		if d[0] == tag {
			return d[2 : 2+n], true
		}
		d = d[2+n:]
	}
	return nil, false
}

// The tags of descriptors (2.6.1; EN 300 468, 6.1).
const (
	tagRegistration = 0x05
	tagMetadata     = 0x26
	tagTeletext     = 0x56
	tagSubtitles    = 0x59
	tagAC3          = 0x6a
	tagEnhancedAC3  = 0x7a
	tagExtension    = 0x7f
)

// registration returns the format identifier of the registration descriptor (2.6.8), or "".
func (d descriptors) registration() string {
	if data, found := d.find(tagRegistration); found && len(data) >= 4 {
		return string(data[:4])
	}
	return ""
}
