package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// Limits of a sidx (ISO/IEC 14496-12, 8.16.3).
const (
	maxReferences = 65535
	maxReferenced = 1<<31 - 1 // bytes of one reference
	sidxFixed     = 40        // bytes of a version 1 box before its references
	referenceSize = 12
)

// reference is one fragment as the index has it: the chunks from a sync sample
// up to the one where the next fragment begins.
type reference struct {
	bytes    uint32
	duration uint32 // ticks of the lead track
	sync     bool   // begins with a sync sample
}

// index gathers the fragments of a file while it grows.
type index struct {
	every    int64 // ticks of the lead track: a fragment is at least this long
	begun    bool
	earliest int64 // ticks, presentation of the lead track's first sample
	done     []reference

	from  int64 // ticks, where the open fragment begins
	bytes int64 // of the open fragment
	sync  bool
}

// add takes in a chunk of n bytes that begins at a time of the lead track. A
// chunk without the lead track has no time and belongs to the open fragment. A
// reference leads to a moof: the prft before it goes to the fragment before.
func (x *index) add(n, prft, at int64, timed, sync bool) {
	x.bytes += prft
	if timed && !x.begun {
		x.begun, x.earliest, x.from, x.sync = true, max(at, 0), max(at, 0), sync
	} else if timed && x.cuts(n, at, sync) {
		x.cut(at)
		x.sync = sync
	}
	x.bytes += n - prft
}

// cuts: at a sync sample once the fragment is long enough, and anywhere before
// a field of the reference overflows.
func (x *index) cuts(n, at int64, sync bool) bool {
	return at > x.from && (sync && at-x.from >= x.every ||
		x.bytes+n > maxReferenced/2 || at-x.from > math.MaxUint32/2)
}

func (x *index) cut(at int64) {
	x.done = append(x.done, reference{uint32(x.bytes), uint32(max(at-x.from, 0)), x.sync})
	x.from, x.bytes = at, 0
}

// references closes the open fragment at the end of the lead track. It is nil
// where there is none, and where there are more than limit: a reference of two
// neighbours would hide the second from a player that goes by references.
func (x *index) references(end int64, limit int) []reference {
	all := x.done
	if x.begun && x.bytes > 0 {
		all = append(all[:len(all):len(all)], reference{uint32(x.bytes), uint32(max(end-x.from, 0)), x.sync})
	}
	if len(all) > min(limit, maxReferences) {
		return nil
	}
	return all
}

// writeSidx appends a flat sidx whose references follow it at once. They must
// not reach to the end of the file: libavformat would then know no other
// fragments (seek.md).
func (x *index) writeSidx(w *isobmff.Writer, lead *track, refs []reference) {
	at := w.OpenFull("sidx", 1, 0)
	w.U32(lead.id)
	w.U32(lead.timescale)
	w.U64(uint64(x.earliest))
	w.U64(0) // first_offset
	w.U16(0)
	w.U16(uint16(len(refs)))
	for _, r := range refs {
		w.U32(r.bytes) // reference_type 0: media
		w.U32(r.duration)
		if r.sync {
			w.U32(0x90000000) // starts with a stream access point of type 1
		} else {
			w.U32(0)
		}
	}
	w.Close(at)
}
