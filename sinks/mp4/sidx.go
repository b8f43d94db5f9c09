package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// index collects the fragments of a growing file for its sidx.
type index struct {
	everyTicks    int64 // ticks of the lead track: the shortest fragment
	begun         bool
	earliestTicks int64 // ticks, presentation of the lead track's first sample
	done          []isobmff.Reference

	fromTicks int64 // ticks, begin of the open fragment
	bytes     int64 // of the open fragment
	sync      bool
}

// add adds a chunk of n bytes that begins at time at of the lead track. A chunk without samples
// of the lead track is not timed and joins the open fragment. A reference points to a moof, so
// the prft before a moof counts for the preceding fragment.
func (x *index) add(n, prft, at int64, timed, sync bool) {
	x.bytes += prft
	if timed && !x.begun {
		x.begun, x.earliestTicks, x.fromTicks, x.sync = true, max(at, 0), max(at, 0), sync
	} else if timed && x.cuts(n, at, sync) {
		x.cut(at)
		x.sync = sync
	}
	x.bytes += n - prft
}

// cuts reports whether a new fragment must begin: at a sync sample if the open fragment is long
// enough, or at any sample before a field of the reference overflows.
func (x *index) cuts(n, at int64, sync bool) bool {
	return at > x.fromTicks && (sync && at-x.fromTicks >= x.everyTicks ||
		x.bytes+n > isobmff.MaxReferencedBytes/2 || at-x.fromTicks > math.MaxUint32/2)
}

func (x *index) cut(at int64) {
	x.done = append(x.done, isobmff.Reference{Bytes: uint32(x.bytes), DurationTicks: uint32(max(at-x.fromTicks, 0)), Sync: x.sync})
	x.fromTicks, x.bytes = at, 0
}

// references closes the open fragment at the end of the lead track and returns all references.
// It returns nil if their number is 0 or exceeds limit: merging two neighbours would hide the
// second from a player that seeks by references.
func (x *index) references(end int64, limit int) []isobmff.Reference {
	all := x.done
	if x.begun && x.bytes > 0 {
		all = append(all[:len(all):len(all)], isobmff.Reference{Bytes: uint32(x.bytes), DurationTicks: uint32(max(end-x.fromTicks, 0)), Sync: x.sync})
	}
	if len(all) > min(limit, isobmff.MaxReferences) {
		return nil
	}
	return all
}

// sidx returns a flat index for the fragments that follow it. The references must not reach the
// end of the file: libavformat would then ignore other fragments (seek.md).
func (x *index) sidx(lead *track, refs []isobmff.Reference) *isobmff.Sidx {
	return &isobmff.Sidx{TrackID: lead.id, Timescale: lead.timescale, EarliestTicks: uint64(x.earliestTicks), References: refs}
}
