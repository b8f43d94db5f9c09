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
	Put     Kind = 1 // stores the row; sets its protection only if no Protect of the recording came before
	Protect Kind = 2 // sets the protection; the row also has the other columns, as known at that time
	Delete  Kind = 3 // deletes the row
	Event   Kind = 4 // stores events only; Row.ID is the recording that has their media, or NoRecording
)

// Change is one change of the catalogue.
type Change struct {
	Revision  int64
	Kind      Kind
	Row       *row.Row // read-only; nil: only a newer version of spool can read the change
	SizeBytes int64    // size of the change's record in the journal
}

const (
	recordHeadBytes = 21      // marker, length, checksum, revision, kind
	maxBodyBytes    = 1 << 20 // bound of the payload
)

var (
	recordMarker = []byte("rec\n")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// appendRecord appends the record of a change to b and returns the result. If the payload is too
// large, it returns b and a row.ErrInvalid.
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

// recordSum returns the checksum of a complete record, computed over all fields but marker and checksum.
func recordSum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[4:8], castagnoli), castagnoli, rec[12:])
}

// readRecord reads the record at the begin of b and returns the change and the length of the
// record. It returns false if b does not begin with an intact record. To bound the work on damaged
// input, it subtracts the length of each record with a wrong checksum from spareBytes; once
// spareBytes is negative, it returns false for every input.
//
// If the checksum is right but this version does not know the content, a newer version wrote the
// record. The Row of the change is then nil.
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

// decode sets o.Row from the payload body. It returns false if this version does not know the
// change's kind or the payload.
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

// Seal sets the fields of the row that the payload does not have: the length class (Span), and for
// a Put or an Event the revision.
func (o *Change) Seal() {
	o.Row.Span = row.SpanOf(o.Row)
	if o.Kind == Put || o.Kind == Event {
		o.Row.Revision = o.Revision
	}
}

// scanRecords calls each for every intact record in b, and returns the number of bytes outside
// these records. Damaged input may contain many overlapping records with wrong checksums: once
// their lengths add up to more than 16*(len(b)+maxBodyBytes), scanRecords finds no further record.
func scanRecords(b []byte, each func(Change)) (damagedBytes int) {
	damagedBytes, _ = scanWithin(b, 16*(len(b)+maxBodyBytes), each)
	return damagedBytes
}

// scanWithin does the work of scanRecords with the bound spareBytes: see readRecord. It also
// returns the rest of that bound.
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
