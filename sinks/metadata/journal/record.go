package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Kind is the kind of a change.
type Kind byte

// The kinds of change. Their numbers are stored in the journal.
const (
	Put     Kind = 1 // stores the row; its protected counts only until a Protect
	Protect Kind = 2 // sets protected; the row carries the other columns as they were known
	Delete  Kind = 3
	Event   Kind = 4 // stores events that no row names; the row's ID is the recording that holds their media, or zero
)

// Change is one change of the catalogue.
type Change struct {
	Revision  int64
	Kind      Kind
	Row       *row.Row // read-only; nil: a newer version wrote the change, see readRecord
	SizeBytes int64
}

const (
	recordHeadBytes = 21 // marker, length, checksum, revision, kind
	maxBodyBytes    = 1 << 20
)

var (
	recordMarker = []byte("rec\n")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// appendRecord appends the stored form of a change to b.
func appendRecord(b []byte, o Change) ([]byte, error) {
	body, err := json.Marshal(o.Row)
	if err != nil {
		return b, fmt.Errorf("journal: encode: %w", err)
	}
	if len(body) > maxBodyBytes {
		return b, fmt.Errorf("%w: it takes %d bytes, at most %d fit in a journal record", row.ErrInvalid, len(body), maxBodyBytes)
	}
	at := len(b)
	b = append(b, recordMarker...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(o.Revision))
	b = append(b, byte(o.Kind))
	b = append(b, body...)
	binary.LittleEndian.PutUint32(b[at+8:], recordSum(b[at:]))
	return b, nil
}

// recordSum returns the checksum of a whole record.
func recordSum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[4:8], castagnoli), castagnoli, rec[12:])
}

// readRecord reads the record at the begin of b and returns its length; false: b begins with no
// record. The length of a record that only its checksum disproves is taken from spareBytes; once
// that is negative, readRecord finds no record.
//
// A record with a good checksum whose content is unknown has a nil Row: damage would have failed
// the checksum, so that a newer version wrote the record.
func readRecord(b []byte, spareBytes *int) (Change, int, bool) {
	if len(b) < recordHeadBytes || !bytes.Equal(b[:4], recordMarker) {
		return Change{}, 0, false
	}
	bodyBytes := int(binary.LittleEndian.Uint32(b[4:]))
	if bodyBytes > maxBodyBytes || len(b) < recordHeadBytes+bodyBytes {
		return Change{}, 0, false
	}
	n := recordHeadBytes + bodyBytes
	if *spareBytes < 0 || bodyBytes < 2 || b[recordHeadBytes] != '{' || b[n-1] != '}' {
		return Change{}, 0, false
	}
	o := Change{Revision: int64(binary.LittleEndian.Uint64(b[12:])), Kind: Kind(b[20]), Row: new(row.Row), SizeBytes: int64(n)}
	if recordSum(b[:n]) != binary.LittleEndian.Uint32(b[8:]) || o.Revision <= 0 {
		*spareBytes -= n
		return Change{}, 0, false
	}
	if !o.decode(b[recordHeadBytes:n]) {
		o.Row = nil
	}
	return o, n, true
}

// decode unmarshals the payload into the row; false: the payload is of an unknown form.
func (o *Change) decode(body []byte) bool {
	if o.Kind < Put || o.Kind > Event || json.Unmarshal(body, o.Row) != nil {
		return false
	}
	if _, err := media.ParseID(o.Row.ID); err != nil {
		return false
	}
	if o.Row.Tracks == nil {
		o.Row.Tracks = []byte("[]")
	}
	if o.Row.Events == nil {
		o.Row.Events = []byte("[]")
	}
	o.Seal()
	return true
}

// Seal sets the columns that the stored form leaves out.
func (o *Change) Seal() {
	o.Row.Span = row.SpanOf(o.Row)
	if o.Kind == Put || o.Kind == Event {
		o.Row.Revision = o.Revision
	}
}

// scanRecords passes each whole record of b to each, and returns the number of bytes that belong
// to none. Damaged input with many overlapping record heads costs at most 16 times its length.
func scanRecords(b []byte, each func(Change)) (damagedBytes int) {
	damagedBytes, _ = scanWithin(b, 16*(len(b)+maxBodyBytes), each)
	return damagedBytes
}

// scanWithin is scanRecords with a bound on the work; it also returns the rest of spareBytes: see
// readRecord.
func scanWithin(b []byte, spareBytes int, each func(Change)) (damagedBytes, leftBytes int) {
	for len(b) > 0 {
		if o, n, ok := readRecord(b, &spareBytes); ok {
			each(o)
			b = b[n:]
			continue
		}
		next := bytes.Index(b[1:], recordMarker)
		if next < 0 {
			return damagedBytes + len(b), spareBytes
		}
		damagedBytes += next + 1
		b = b[next+1:]
	}
	return damagedBytes, spareBytes
}
