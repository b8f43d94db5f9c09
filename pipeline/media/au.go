package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// AU is one coded picture or audio frame on its way into a chunk. The builder
// copies the payload once and keeps nothing of the AU.
type AU struct {
	DTS, PTS int64 // ticks of the track's timescale
	UTC      int64 // ns, wall clock of the access unit
	// Stepped is by how much that clock had been set since the process began, ns:
	// less it, UTC never steps. See pipeline.Stepped.
	SteppedNS int64
	// Mono is the arrival in ns of a clock that never steps. A source that is
	// not paced by arrival (a file) gives its media time instead, or every hole
	// in it would look like a jump.
	MonoNS  int64
	Sync    bool     // a decoder can start here
	Lost    int      // units of the track that were lost right before this one, about; at least 1 where anything was
	LostBy  Cause    // why they were; empty: GapRTPLoss
	Payload [][]byte // NAL units without start code or length; one element for codecs without NAL units
	Framed  bool     // the payload is already in mdat form: store it as it is
}

// Limits of an access unit.
const (
	// MaxAccessUnitBytes is the largest access unit that is taken, in bytes.
	MaxAccessUnitBytes = 64 << 20
	// maxTime bounds decoding times as they come, in ticks and in ns (146 years):
	// the difference of two stays inside an int64.
	maxTime = 1<<62 - 1
	// maxLine bounds them as they are stored: a duration can be added.
	maxLine = 1<<63 - 1<<41
)

// The reasons for which Append leaves an access unit out.
var (
	ErrNoKeyFrame  = errors.New("waiting for a key frame")
	ErrEmpty       = errors.New("access unit is empty")
	ErrTooLarge    = fmt.Errorf("access unit is larger than %d MiB", MaxAccessUnitBytes>>20)
	ErrTimeBack    = errors.New("decoding time does not advance")
	ErrTimeRange   = errors.New("decoding time is out of range")
	ErrOffset      = errors.New("presentation time is too far from decoding time")
	ErrNoSuchTrack = errors.New("no such track")
)

// size is what the payload takes in mdat form. An empty NAL unit is not stored:
// decoders take a zero length for damage.
func (au *AU) size(prefix bool) int {
	n := 0
	for _, p := range au.Payload {
		n += len(p)
		if prefix && len(p) > 0 {
			n += 4
		}
	}
	return n
}

// addTo copies the payload in mdat form behind what is in p.
func (au *AU) addTo(p *Payload, pool *Pool, prefix bool) {
	var length [4]byte
	for _, nal := range au.Payload {
		if len(nal) == 0 {
			continue
		}
		if prefix {
			binary.BigEndian.PutUint32(length[:], uint32(len(nal)))
			p.add(pool, length[:])
		}
		p.add(pool, nal)
	}
}

// offset is PTS - DTS where a column can hold it.
func (au *AU) offset() (int32, bool) {
	d := au.PTS - au.DTS
	overflow := (au.PTS >= au.DTS) != (d >= 0)
	return int32(d), !overflow && d >= math.MinInt32 && d <= math.MaxInt32
}

// LeftOut reports whether an error of Append is about that access unit only: the
// next one may come.
func LeftOut(err error) bool {
	for _, e := range []error{ErrNoKeyFrame, ErrEmpty, ErrTooLarge, ErrTimeBack, ErrTimeRange, ErrOffset, ErrNoSuchTrack} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
