package metadata

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/gospool/spool/pipeline/media"
)

type opKind byte

// The changes a journal holds. The numbers are stored.
const (
	opPut     opKind = 1 // the row as the recorder knows it; protected only counts while nobody has said
	opProtect opKind = 2 // the row as it was known, with protected as asked
	opDelete  opKind = 3
	opEvent   opKind = 4 // an event by itself: the row names it, and has the ID of a recording that holds media of it, or a zero one
)

// op is one change, in the order of its revision.
type op struct {
	rev  int64
	kind opKind
	row  *row // nobody changes it once it is part of an op
	size int64
}

const (
	recordHead    = 21 // marker, length, checksum, revision, kind
	maxRecordBody = 1 << 20
)

var (
	recordMarker = []byte("rec\n")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// appendRecord adds the stored form of a change.
func appendRecord(b []byte, o op) ([]byte, error) {
	body, err := json.Marshal(o.row)
	if err != nil {
		return b, fmt.Errorf("journal: encode: %w", err)
	}
	if len(body) > maxRecordBody {
		return b, fmt.Errorf("%w: it takes %d bytes, at most %d fit in a journal record", ErrInvalid, len(body), maxRecordBody)
	}
	at := len(b)
	b = append(b, recordMarker...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(o.rev))
	b = append(b, byte(o.kind))
	b = append(b, body...)
	binary.LittleEndian.PutUint32(b[at+8:], recordSum(b[at:]))
	return b, nil
}

// recordSum is the checksum of a whole record.
func recordSum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[4:8], castagnoli), castagnoli, rec[12:])
}

// readRecord reads the record that begins b and tells its length; false where
// none does. What it finds out to be no record only by its checksum is taken from
// spare, bytes: with nothing left there it finds none.
func readRecord(b []byte, spare *int) (op, int, bool) {
	if len(b) < recordHead || !bytes.Equal(b[:4], recordMarker) {
		return op{}, 0, false
	}
	body := int(binary.LittleEndian.Uint32(b[4:]))
	if body > maxRecordBody || len(b) < recordHead+body {
		return op{}, 0, false
	}
	n := recordHead + body
	if *spare < 0 || body < 2 || b[recordHead] != '{' || b[n-1] != '}' {
		return op{}, 0, false
	}
	o := op{rev: int64(binary.LittleEndian.Uint64(b[12:])), kind: opKind(b[20]), row: new(row), size: int64(n)}
	if recordSum(b[:n]) != binary.LittleEndian.Uint32(b[8:]) || !o.decode(b[recordHead:n]) {
		*spare -= n
		return op{}, 0, false
	}
	return o, n, true
}

// decode fills in the row. A record with a good checksum that it cannot read was
// written by another version of the program: it counts as damage.
func (o *op) decode(body []byte) bool {
	if o.rev <= 0 || o.kind < opPut || o.kind > opEvent || json.Unmarshal(body, o.row) != nil {
		return false
	}
	if _, err := media.ParseID(o.row.ID); err != nil {
		return false
	}
	if o.row.Tracks == nil {
		o.row.Tracks = []byte("[]")
	}
	if o.row.Events == nil {
		o.row.Events = []byte("[]")
	}
	o.seal()
	return true
}

// seal derives the columns that the stored form leaves out.
func (o *op) seal() {
	o.row.Span = spanOf(o.row)
	if o.kind == opPut || o.kind == opEvent {
		o.row.Revision = o.rev
	}
}

// scanRecords reads all whole records of b, and counts the bytes between them
// and behind the last. Bytes that look like the begin of a record again and again,
// each of which reaches over all the others, do not cost more than 16 times their
// number.
func scanRecords(b []byte, each func(op)) (damaged int) {
	damaged, _ = scanWithin(b, 16*(len(b)+maxRecordBody), each)
	return damaged
}

// scanWithin also tells what is left of spare: see readRecord.
func scanWithin(b []byte, spare int, each func(op)) (damaged, left int) {
	for len(b) > 0 {
		if o, n, ok := readRecord(b, &spare); ok {
			each(o)
			b = b[n:]
			continue
		}
		next := bytes.Index(b[1:], recordMarker)
		if next < 0 {
			return damaged + len(b), spare
		}
		damaged += next + 1
		b = b[next+1:]
	}
	return damaged, spare
}
