package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// index gathers the fragments of a file while it grows.
type index struct {
	every    int64 // ticks of the lead track: a fragment is at least this long
	begun    bool
	earliest int64 // ticks, presentation of the lead track's first sample
	done     []isobmff.Reference

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
		x.bytes+n > isobmff.MaxReferenced/2 || at-x.from > math.MaxUint32/2)
}

func (x *index) cut(at int64) {
	x.done = append(x.done, isobmff.Reference{Bytes: uint32(x.bytes), Duration: uint32(max(at-x.from, 0)), Sync: x.sync})
	x.from, x.bytes = at, 0
}

// references closes the open fragment at the end of the lead track. It is nil
// where there is none, and where there are more than limit: a reference of two
// neighbours would hide the second from a player that goes by references.
func (x *index) references(end int64, limit int) []isobmff.Reference {
	all := x.done
	if x.begun && x.bytes > 0 {
		all = append(all[:len(all):len(all)], isobmff.Reference{Bytes: uint32(x.bytes), Duration: uint32(max(end-x.from, 0)), Sync: x.sync})
	}
	if len(all) > min(limit, isobmff.MaxReferences) {
		return nil
	}
	return all
}

// sidx is a flat index whose references follow it at once. They must not reach to the
// end of the file: libavformat would then know no other fragments (seek.md).
func (x *index) sidx(lead *track, refs []isobmff.Reference) *isobmff.Sidx {
	return &isobmff.Sidx{TrackID: lead.id, Timescale: lead.timescale, Earliest: uint64(x.earliest), References: refs}
}
