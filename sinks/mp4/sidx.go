package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// index collects the references of a growing file's sidx (ISO/IEC 14496-12, 8.16.3). A reference
// covers a subsegment: one or more consecutive fragments. The subsegment to which fragments are
// still added is the open one. All ticks are of the lead track.
type index struct {
	everyTicks    int64 // shortest duration of a subsegment that ends at a sync sample
	begun         bool  // a fragment with samples of the lead track was added
	earliestTicks int64 // presentation time of the lead track's first sample
	done          []isobmff.Reference

	fromTicks int64 // start of the open subsegment
	bytes     int64 // size of the open subsegment
	sync      bool  // the open subsegment begins with a sync sample
}

// add adds a fragment of n bytes to the open subsegment, or begins a new subsegment with it
// (cuts). The first prft bytes of the fragment are its prft: a reference points to a moof, so
// these bytes count for the preceding subsegment. timed reports that the fragment has samples of
// the lead track; the first of them is then presented at time at, and is a sync sample if sync
// is set. A fragment that is not timed joins the open subsegment.
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

// cuts reports whether a fragment of n bytes, presented from the time at on, begins a new
// subsegment. It does so at a sync sample if the open subsegment has lasted everyTicks, and at
// any sample before a field of the open subsegment's reference overflows.
func (x *index) cuts(n, at int64, sync bool) bool {
	return at > x.fromTicks && (sync && at-x.fromTicks >= x.everyTicks ||
		x.bytes+n > isobmff.MaxReferencedBytes/2 || at-x.fromTicks > math.MaxUint32/2)
}

func (x *index) cut(at int64) {
	x.done = append(x.done, isobmff.Reference{Bytes: uint32(x.bytes), DurationTicks: uint32(max(at-x.fromTicks, 0)), Sync: x.sync})
	x.fromTicks, x.bytes = at, 0
}

// references returns all references, including one for the open subsegment, which ends at the
// end of the lead track. It returns none if there are more than limit: merging two neighbours
// would hide the second from a player that seeks by references.
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

// sidx returns the sidx with the references refs. The first subsegment must follow the box
// immediately. The references must not reach the end of the file: libavformat would then take
// them for the list of all fragments (seek.md).
func (x *index) sidx(lead *track, refs []isobmff.Reference) *isobmff.Sidx {
	return &isobmff.Sidx{TrackID: lead.id, Timescale: lead.timescale, EarliestTicks: uint64(x.earliestTicks), References: refs}
}
