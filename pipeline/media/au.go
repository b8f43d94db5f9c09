package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// AU is one coded picture or audio frame before it is in a chunk. The builder copies the payload
// once and keeps no reference to the AU.
type AU struct {
	DTS, PTS int64 // ticks of the track's timescale
	UTC      int64 // ns, wall clock of the access unit
	// SteppedNS is by how much the clock of UTC had been set since the process began: UTC less
	// SteppedNS never steps. See pipeline.Stepped.
	SteppedNS int64
	// MonoNS is the arrival on a clock that never steps. A source that is not paced by arrival,
	// such as a file, sets its media time instead; otherwise each hole in the file would look like
	// a jump of the sender's clock.
	MonoNS  int64
	Sync    bool     // a decoder can start here
	Lost    int      // approximate number of the track's units lost right before this one; at least 1 if any was
	LostBy  Cause    // cause of that loss; empty means GapRTPLoss
	Payload [][]byte // NAL units without start code or length; one element for codecs without NAL units
	Framed  bool     // the payload is already in mdat form and is stored unchanged
}

// Limits of an access unit.
const (
	// MaxAccessUnitBytes is the size of the largest access unit that a Builder accepts.
	MaxAccessUnitBytes = 64 << 20
	// maxTime bounds incoming decoding times, in ticks and in ns (146 years): the difference of two
	// fits an int64.
	maxTime = 1<<62 - 1
	// maxLine bounds stored decoding times: adding a duration does not overflow.
	maxLine = 1<<63 - 1<<41
)

// The errors with which Append refuses an access unit.
var (
	ErrNoKeyFrame  = errors.New("waiting for a key frame")
	ErrEmpty       = errors.New("access unit is empty")
	ErrTooLarge    = fmt.Errorf("access unit is larger than %d MiB", MaxAccessUnitBytes>>20)
	ErrTimeBack    = errors.New("decoding time does not advance")
	ErrTimeRange   = errors.New("decoding time is out of range")
	ErrOffset      = errors.New("presentation time is too far from decoding time")
	ErrNoSuchTrack = errors.New("no such track")
)

// size returns the bytes of the payload in mdat form. Empty NAL units are not stored: decoders
// treat a zero length as damage.
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

// addTo appends the payload to p in mdat form.
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

// offset returns PTS - DTS, and false where an int32 cannot hold it.
func (au *AU) offset() (int32, bool) {
	d := au.PTS - au.DTS
	overflow := (au.PTS >= au.DTS) != (d >= 0)
	return int32(d), !overflow && d >= math.MinInt32 && d <= math.MaxInt32
}

// LeftOut reports whether an error of Append concerns that access unit alone, so that the caller
// continues with the next one.
func LeftOut(err error) bool {
	for _, e := range []error{ErrNoKeyFrame, ErrEmpty, ErrTooLarge, ErrTimeBack, ErrTimeRange, ErrOffset, ErrNoSuchTrack} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
