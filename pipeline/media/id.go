package media

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// ID is a UUID, of version 7 (RFC 9562, 5.7) unless EventID made it. IDs of version 7 sort by the time of their
// creation, and several recorders make them without coordination.
type ID [16]byte

// NewID returns an ID of version 7 with the time at, in milliseconds. IDs of one millisecond have a random order.
func NewID(at time.Time) ID {
	var id ID
	_, _ = rand.Read(id[6:]) // never fails (crypto/rand)
	ms := uint64(at.UnixMilli())
	binary.BigEndian.PutUint16(id[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(id[2:], uint32(ms))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String returns the canonical form with dashes.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// ParseID reads the canonical form of a UUID of any version.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("%.40q is not a UUID", s)
	}
	flat := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(flat)); err != nil {
		return ID{}, fmt.Errorf("%.40q is not a UUID", s)
	}
	return id, nil
}
