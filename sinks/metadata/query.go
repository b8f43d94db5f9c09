package metadata

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/row"
)

// parsedQuery is the checked form of a media.Query.
type parsedQuery struct {
	stream, prefix string // an exact path, or the begin of paths, ending in a slash; at most one is set
	fromNS, toNS   int64  // UTC window [fromNS, toNS); math.MinInt64 and math.MaxInt64: no bound
	state          string // empty: any
	protected      int    // 1 or 0; -1: both
	ascending      bool
	limit          int      // most rows of a page
	maxBytes       int      // approximate bound of the size of a page's rows; 0: no bound
	after          *row.Key // key of the last row of the previous page; nil: the first page
}

func parseQuery(q media.Query) (a parsedQuery, err error) {
	if err := q.Check(); err != nil {
		return a, err
	}
	a = parsedQuery{state: string(q.State), protected: -1, ascending: q.Ascending, limit: cmp.Or(q.Limit, media.DefaultLimit), maxBytes: q.MaxBytes}
	a.fromNS, a.toNS = q.BoundsUTC()
	if q.Protected != nil {
		a.protected = row.Bit(*q.Protected)
	}
	if err := a.setStream(q.Stream); err != nil {
		return a, err
	}
	if q.Cursor != "" {
		k, err := decodeCursor(q.Cursor, a.mark())
		if err != nil {
			return a, err
		}
		a.after = &k
	}
	return a, nil
}

// setStream sets stream or prefix from media.Query.Stream.
func (a *parsedQuery) setStream(s string) error {
	if len(s) > database.MaxStreamBytes || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		return fmt.Errorf("%w: stream is too long or not plain text", media.ErrQuery)
	}
	below, deep := strings.CutSuffix(s, "/**")
	if !deep {
		below, deep = strings.CutSuffix(s, "/*")
	}
	switch {
	case deep:
		a.prefix = below + "/"
	case s != "*" && s != "**":
		a.stream = s
	}
	if strings.Contains(a.prefix+a.stream, "*") {
		return fmt.Errorf("%w: stream %.80q: * is allowed only at the end, behind a slash: live/*", media.ErrQuery, s)
	}
	return nil
}

// matches reports whether the row of a pending change belongs to the result of the query and
// follows the query's cursor.
func (a *parsedQuery) matches(r *row.Row) bool {
	return (a.stream == "" || r.Stream == a.stream) && strings.HasPrefix(r.Stream, a.prefix) &&
		(a.state == "" || r.State == a.state) && (a.protected < 0 || r.Protected == a.protected) &&
		r.Overlaps(a.fromNS, a.toNS) && (a.after == nil || a.before(*a.after, r.Key()))
}

// before reports whether a row with the key x precedes a row with the key y in the result of the
// query.
func (a *parsedQuery) before(x, y row.Key) bool {
	if a.ascending {
		return x.Compare(y) < 0
	}
	return x.Compare(y) > 0
}

// A cursor is base64url of
//
//	version 1 | start ns 8 | ID 16 | mark of the query 4 | crc32c of these 4
//
// The numbers are sizes in bytes. Callers must not interpret a cursor. The checksum detects damage, and
// the mark, a checksum of the query, detects a cursor of another query. A cursor needs no protection
// against forgery: it can only name another position in rows that the caller may read anyway.
const (
	cursorVersion = 1
	cursorBytes   = 33
)

// checksums is the CRC-32C table for the checksums of cursors and queries.
var checksums = crc32.MakeTable(crc32.Castagnoli)

// encodeCursor returns the cursor of the page that follows the row with the key k. mark is the
// checksum of the query: see parsedQuery.mark.
func encodeCursor(k row.Key, mark uint32) string {
	id, err := media.ParseID(k.ID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, cursorBytes)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(k.StartNS))
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint32(b, mark)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, checksums))
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns the key in a cursor. It returns ErrCursor if the cursor is damaged, or if it
// was made for a query with another mark.
func decodeCursor(s string, mark uint32) (row.Key, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != cursorBytes || len(s) != base64.RawURLEncoding.EncodedLen(cursorBytes) || b[0] != cursorVersion ||
		crc32.Checksum(b[:cursorBytes-4], checksums) != binary.BigEndian.Uint32(b[cursorBytes-4:]) {
		return row.Key{}, fmt.Errorf("%w: it is damaged or of another version; begin without one", ErrCursor)
	}
	if binary.BigEndian.Uint32(b[25:]) != mark {
		return row.Key{}, fmt.Errorf("%w: filters or order have changed; begin without one", ErrCursor)
	}
	return row.Key{StartNS: int64(binary.BigEndian.Uint64(b[1:])), ID: media.ID(b[9:25]).String()}, nil
}

// mark returns a checksum of the filters and of the order of a query. It does not include the
// limits of a page, which may differ from page to page.
func (a *parsedQuery) mark() uint32 {
	return crc32.Checksum(fmt.Appendf(nil, "%q %q %d %d %q %d %t",
		a.stream, a.prefix, a.fromNS, a.toNS, a.state, a.protected, a.ascending), checksums)
}
