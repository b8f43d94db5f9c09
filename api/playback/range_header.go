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

// span is one range of a file: length bytes from start.
type span struct{ start, length int64 }

// normaliseRange rewrites a request's Range header so that http.ServeContent follows RFC 9110,
// 14.1.2 in four more cases: a unit other than bytes is ignored, and its case does not matter; a
// suffix of no bytes can't be satisfied; a number that overflows 64 bits is only a large one; an
// invalid header is answered with 416 and the file's size.
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

// writeRanges formats spans. Without spans it returns a range that can't be satisfied.
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

// parseRanges returns the satisfiable ranges of a set, in their order. It returns none if one of
// them is invalid.
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

// parseRange parses first-last, first- or -suffix. A range beyond the file has no length.
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

// offset parses digits. A number that overflows is beyond the end of every file.
func offset(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// longer reports whether a > b, for numbers that may overflow.
func longer(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) > len(b) || len(a) == len(b) && a > b
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
