package repair

import (
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
)

// keepFragments sets x.plan, the plan of the copy, for a fragmented file. The boxes behind its
// moov begin at offset at. After a damaged fragment in the middle, the copy leaves out the
// fragments up to the next one that begins with a key frame: their boxes become free boxes, so
// that no offset changes.
func (x *damagedFile) keepFragments(at int64) error {
	x.plan.lengthBytes = at
	x.headers = filesystem.NewAhead(x.f, x.sizeBytes) // Ahead reads forwards, and this walk may go back
	var blanks []extent                               // moofs and mdats behind the last whole fragment
	var lostSpan time.Duration                        // duration of the damaged fragments in blanks
	moof, broken, indexed := int64(-1), false, false
	for at < x.sizeBytes {
		h, err := x.header(at)
		if err != nil || h.SizeBytes == 0 || !printable(h.Type) || at+h.SizeBytes > x.sizeBytes {
			if err := ofDisk(err); err != nil {
				return err
			}
			break
		}
		switch {
		case h.Is("moof"):
			moof = at
			blanks = append(blanks, extent{at, h.SizeBytes})
		case h.Is("mdat") && moof >= 0:
			g, err := x.readFragment(moof, at+h.HeaderBytes, at+h.SizeBytes)
			if err != nil {
				return err
			}
			blanks = append(blanks, extent{at, h.SizeBytes})
			if g.whole && (!broken || g.key) {
				x.blank(blanks[:len(blanks)-2])
				if len(blanks) > 2 {
					x.lost(lostSpan, "fragments in the middle of the file are damaged")
				}
				x.take(g)
				blanks, lostSpan, broken = blanks[:0], 0, false
				x.plan.lengthBytes = at + h.SizeBytes
			} else {
				broken = true
				lostSpan += g.span
			}
			moof = -1
		case h.Is("moov") && x.result.Found == Hybrid:
			at = x.sizeBytes // the start of the final moov
			continue
		case len(blanks) == 0:
			x.plan.lengthBytes = at + h.SizeBytes // keeps an index, or a box before the next fragment
			indexed = indexed || h.Is("sidx")
		}
		at += h.SizeBytes
	}
	if err := x.cutFragments(moof, lostSpan); err != nil {
		return err
	}
	if indexed && !x.plan.same(x.sizeBytes) {
		var end isobmff.Writer
		end.Free(8) // else libavformat would take a sidx up to the end of the file for the list of all fragments
		x.plan.tail = end.B
	}
	return nil
}

// cutFragments counts the media behind the last whole fragment, which the copy leaves out, as
// lost. spans is the duration of the damaged fragments in it. moof is the offset of a moof at
// the end of the file whose mdat is missing, or -1. cutFragments returns ErrBeyondHelp if the
// copy keeps no fragment.
func (x *damagedFile) cutFragments(moof int64, spans time.Duration) error {
	if x.result.Kept == 0 {
		return ErrBeyondHelp
	}
	left := x.sizeBytes - x.plan.lengthBytes
	if left == 0 {
		return nil
	}
	if moof >= 0 { // the moof gives the duration of the payload that is missing
		g, err := x.readFragment(moof, moof, moof)
		if err != nil {
			return err
		}
		spans += g.span
	}
	x.lost(spans, "the end of the file is damaged or incomplete")
	return nil
}

// blank adds patches to x.plan that change boxes into free boxes in the copy, and counts their
// bytes as lost.
func (x *damagedFile) blank(boxes []extent) {
	for _, b := range boxes {
		x.plan.patches = append(x.plan.patches, patch{b.at + 4, []byte("free")})
		x.result.LostBytes += b.bytes
	}
}

// take adds the duration of each track in a kept fragment to the duration of the kept media.
func (x *damagedFile) take(g fragmentFound) {
	for i, ticks := range g.ticks {
		x.kept(&x.tracks[i], ticks)
	}
}
