package metadata

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// A cursor is base64url of
//
//	version 1 | start ns 8 | ID 16 | mark of the query 4 | crc32c of these 4
//
// It is opaque to callers. The checksum finds accidents, the mark a cursor that
// is used with another query; neither keeps a secret, for a cursor holds none:
// a forged one only names another place in rows that the caller may read anyway.
const (
	cursorVersion = 1
	cursorBytes   = 33
)

// checksums are those of cursors.
var checksums = crc32.MakeTable(crc32.Castagnoli)

func encodeCursor(k row.Key, mark uint32) string {
	id, err := media.ParseID(k.ID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, cursorBytes)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(k.Start))
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint32(b, mark)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, checksums))
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string, mark uint32) (row.Key, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != cursorBytes || len(s) != base64.RawURLEncoding.EncodedLen(cursorBytes) || b[0] != cursorVersion ||
		crc32.Checksum(b[:cursorBytes-4], checksums) != binary.BigEndian.Uint32(b[cursorBytes-4:]) {
		return row.Key{}, fmt.Errorf("%w: it is damaged or of another version; begin without one", ErrCursor)
	}
	if binary.BigEndian.Uint32(b[25:]) != mark {
		return row.Key{}, fmt.Errorf("%w: filters or order have changed; begin without one", ErrCursor)
	}
	return row.Key{Start: int64(binary.BigEndian.Uint64(b[1:])), ID: media.ID(b[9:25]).String()}, nil
}

// mark tells queries apart in all that decides which rows follow which; a page's
// size does not.
func (a *ask) mark() uint32 {
	return crc32.Checksum(fmt.Appendf(nil, "%q %q %d %d %q %d %t",
		a.stream, a.prefix, a.from, a.to, a.state, a.protected, a.ascending), checksums)
}
