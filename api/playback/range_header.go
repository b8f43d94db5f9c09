package playback

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// maxRanges bounds the ranges of one request. A request with more gets the whole file, as RFC 9110,
// 14.2 allows.
const maxRanges = 64

// span is one range of a file: length bytes from the offset start.
type span struct{ start, length int64 }

// normaliseRange rewrites the header Range of a request for a file of size bytes, because
// http.ServeContent alone does not follow RFC 9110, 14.1 and 14.2, in these cases:
//
//   - the header is ignored if its unit is not bytes, in upper or lower case, if there are
//     several headers, or if it has more than maxRanges ranges;
//   - a suffix of no bytes (bytes=-0) cannot be satisfied;
//   - a number that overflows 64 bits is a valid offset beyond the end of the file;
//   - an invalid header is answered with 416 and the size of the file.
func normaliseRange(h http.Header, size int64) {
	lines := h.Values("Range")
	if len(lines) == 0 {
		return
	}
	unit, set, ok := strings.Cut(lines[0], "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || len(lines) > 1 || strings.Count(set, ",") >= maxRanges {
		h.Del("Range")
		return
	}
	h.Set("Range", writeRanges(parseRanges(set, size), size))
}

// writeRanges formats spans as the value of a header Range. Without spans it returns a range that
// cannot be satisfied.
func writeRanges(spans []span, size int64) string {
	if len(spans) == 0 {
		return fmt.Sprintf("bytes=%d-", size)
	}
	var b strings.Builder
	sep := "bytes="
	for _, s := range spans {
		fmt.Fprintf(&b, "%s%d-%d", sep, s.start, s.start+s.length-1)
		sep = ","
	}
	return b.String()
}

// parseRanges returns the satisfiable ranges in a comma-separated set, in the order of the set. It
// returns nil if any range of the set is invalid.
func parseRanges(set string, size int64) []span {
	var out []span
	for member := range strings.SplitSeq(set, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue // an empty list element (RFC 9110, 5.6.1.2)
		}
		s, ok := parseRange(member, size)
		if !ok {
			return nil
		}
		if s.length > 0 {
			out = append(out, s)
		}
	}
	return out
}

// parseRange parses one range: first-last, first- or -suffix, in bytes. It returns a span of length 0
// for a range beyond the end of the file, and false for an invalid range.
func parseRange(member string, size int64) (span, bool) {
	first, last, dash := strings.Cut(member, "-")
	if !dash || first != "" && !digits(first) || last != "" && !digits(last) || first == "" && last == "" {
		return span{}, false
	}
	if first == "" {
		n := min(offset(last), size)
		return span{size - n, n}, true
	}
	from, to := offset(first), int64(math.MaxInt64)
	if last != "" {
		if to = offset(last); to < from || longer(first, last) {
			return span{}, false
		}
	}
	if from >= size {
		return span{}, true
	}
	return span{from, min(to, size-1) - from + 1}, true
}

// offset parses a text of digits. It returns the largest int64 for a number that overflows.
func offset(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// longer reports whether a has more digits than b, without leading zeros, or as many and is greater:
// whether a > b for texts of digits that may overflow 64 bits.
func longer(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
