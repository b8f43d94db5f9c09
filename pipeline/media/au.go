package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// AU is one coded picture or one audio frame on its way into a chunk. Builder.Append copies the payload and
// keeps no reference to the AU, so the caller may reuse it.
type AU struct {
	DTS, PTS int64 // ticks of the track's timescale
	UTC      int64 // ns, wall clock of the access unit
	// SteppedNS is the sum of the steps of the wall clock from the start of the process to the moment UTC: UTC
	// less SteppedNS never steps. See pipeline.Stepped. If the sender dates its media, it also has the difference between
	// the sender's clock and this machine's.
	SteppedNS int64
	// MonoNS is the arrival time on a monotonic clock. A source that does not deliver in real time, such as a
	// file, sets its media time instead; otherwise each hole in the file would look like a jump of the sender's
	// clock.
	MonoNS int64
	Sync   bool // a decoder can start here
	// DurationTicks is the duration of the unit if its data gives it, else 0. It matters only for the last unit of a
	// time line: any other unit lasts until the next one.
	DurationTicks int64
	Lost          int      // approximate number of this track's units lost right before this unit; at least 1 if any was lost
	LostBy        Cause    // cause of that loss; empty means GapRTPLoss
	Payload       [][]byte // NAL units without start code or length; one element for codecs without NAL units
	Framed        bool     // the payload is already in mdat form and is stored unchanged
}

// The limits of an access unit.
const (
	// MaxAccessUnitBytes is the size of the largest access unit that a Builder accepts.
	MaxAccessUnitBytes = 64 << 20
	// maxTime bounds incoming decoding times, in ticks and in ns (146 years), so that the difference of two fits
	// an int64.
	maxTime = 1<<62 - 1
	// maxLine bounds stored decoding times, in ticks, so that a decoding time plus a duration fits an int64.
	maxLine = 1<<63 - 1<<41
)

// The errors with which Builder.Append refuses an access unit.
var (
	ErrNoKeyFrame  = errors.New("waiting for a key frame")
	ErrEmpty       = errors.New("access unit is empty")
	ErrTooLarge    = fmt.Errorf("access unit is larger than %d MiB", MaxAccessUnitBytes>>20)
	ErrTimeBack    = errors.New("decoding time does not advance")
	ErrTimeRange   = errors.New("decoding time is out of range")
	ErrOffset      = errors.New("presentation time is too far from decoding time")
	ErrNoSuchTrack = errors.New("no such track")
)

// size returns the size, in bytes, that the payload has in mdat form. prefix adds 4 bytes for the length of
// each NAL unit. Empty NAL units are not stored, because decoders treat a zero length as damage.
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

// addTo appends the payload to p in mdat form; prefix writes a 4-byte length before each NAL unit.
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

// offset returns PTS - DTS in ticks, and false if the difference does not fit an int32.
func (au *AU) offset() (int32, bool) {
	d := au.PTS - au.DTS
	overflow := (au.PTS >= au.DTS) != (d >= 0)
	return int32(d), !overflow && d >= math.MinInt32 && d <= math.MaxInt32
}

// LeftOut reports whether err, an error of Builder.Append, concerns one access unit only. The caller then
// continues with the next access unit.
func LeftOut(err error) bool {
	for _, e := range []error{ErrNoKeyFrame, ErrEmpty, ErrTooLarge, ErrTimeBack, ErrTimeRange, ErrOffset, ErrNoSuchTrack} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
