package repair

import (
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// keepSamples sets x.plan, the plan of the copy, for an ordinary file. last is the last
// top-level box of the file. In the copy the undamaged samples stay in place, the old moov
// becomes a free box, and a moov with the tables of these samples is appended.
func (x *damagedFile) keepSamples(last top) error {
	tables := make([]sampleTable, len(x.tracks))
	end, missing := int64(0), int64(0)
	for i := range x.tracks {
		t := &x.tracks[i]
		s, ok := parseSampleTable(isobmff.Find(t.trak, "mdia", "minf", "stbl"), x.sizeBytes-x.uniformBytes)
		if !ok {
			return fmt.Errorf("the sample table of track %d is damaged: %w", t.id, ErrBeyondHelp)
		}
		x.uniformBytes += int64(len(s.size)) * int64(s.uniform)
		n, err := x.judgeSamples(t, &s)
		if err != nil {
			return err
		}
		missing += n
		end = max(end, s.keptEnd())
		tables[i] = s
	}
	if x.result.Kept == 0 {
		return ErrBeyondHelp
	}
	if behind := last.at + last.SizeBytes; end > behind { // the last samples lie behind the last valid box
		for i := range tables {
			if tables[i].keeps(behind, 8) {
				return fmt.Errorf("no box contains the samples, and there is no room for its header: %w", ErrBeyondHelp)
			}
		}
		x.plan.patches = append(x.plan.patches, patch{behind + 4, []byte("mdat")})
		last = top{isobmff.Header{Type: isobmff.FourCC{'m', 'd', 'a', 't'}, SizeBytes: x.sizeBytes - behind, HeaderBytes: 8}, behind}
		missing++
	}
	x.plan.lengthBytes = min(x.sizeBytes, last.at+last.SizeBytes)
	if missing == 0 && last.at+last.SizeBytes <= x.sizeBytes {
		return nil
	}
	if last.Is("mdat") || last.at+last.SizeBytes >= x.sizeBytes { // a box without size would include the new moov
		if end > last.at {
			x.plan.lengthBytes = end // the rest is truncated, torn or zeros
		}
		if !x.resize(last) {
			return fmt.Errorf("its last box has no room for its size: %w", ErrBeyondHelp)
		}
	}
	x.plan.patches = append(x.plan.patches, patch{x.moovAt + 4, []byte("free")})
	x.plan.tail = x.newMoov(tables)
	return nil
}

// resize adds a patch to x.plan that sets the size of the box last, so that in the copy it ends
// where the appended moov begins (copyPlan.lengthBytes). It returns false if the box's header
// has no room for the size.
func (x *damagedFile) resize(last top) bool {
	n := x.plan.lengthBytes - last.at
	var size isobmff.Writer
	switch {
	case last.HeaderBytes == 16:
		size.U64(uint64(n))
		x.plan.patches = append(x.plan.patches, patch{last.at + 8, size.B})
	case n <= math.MaxUint32:
		size.U32(uint32(n))
		x.plan.patches = append(x.plan.patches, patch{last.at, size.B})
	default:
		return false
	}
	return true
}

// judgeSamples checks the samples of a track, sets s.keep, and returns the number of samples
// that are not kept. In a video track, the samples between a damaged one and the next key frame
// are not kept either.
func (x *damagedFile) judgeSamples(t *track, s *sampleTable) (missing int64, err error) {
	s.keep = make([]bool, len(s.size))
	missing, t.lostTicks = s.beyond, t.lostTicks+s.beyondTicks
	waiting := false
	for i := range s.size {
		ok, err := x.whole(t, s.at[i], int64(s.size[i]))
		if err != nil {
			return 0, err
		}
		key := len(s.sync) == 0 || s.sync[i]
		waiting = !ok || waiting && t.video && !key
		ticks := s.dts[i+1] - s.dts[i]
		if s.keep[i] = !waiting; s.keep[i] {
			x.kept(t, ticks)
			continue
		}
		missing++
		t.lostTicks += ticks
	}
	if missing > 0 {
		d := time.Duration(media.ToNanos(t.lostTicks, t.timescale))
		x.result.Lost = max(x.result.Lost, d)
		x.result.Reason = "the media is cut or damaged, the moov is not"
	}
	return missing, nil
}

// keptEnd returns the offset of the end of the kept sample that ends last in the file.
func (s *sampleTable) keptEnd() (end int64) {
	for i := range s.size {
		if s.keep[i] {
			end = max(end, s.at[i]+int64(s.size[i]))
		}
	}
	return end
}

// keeps reports whether a kept sample overlaps the n bytes at an offset.
func (s *sampleTable) keeps(at, n int64) bool {
	for i := range s.size {
		if s.keep[i] && s.at[i] < at+n && s.at[i]+int64(s.size[i]) > at {
			return true
		}
	}
	return false
}
