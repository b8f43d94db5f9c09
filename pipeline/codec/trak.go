package codec

import (
	"errors"
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Trak is a track of a movie, as its trak box describes it.
type Trak struct {
	media.Track
	ID         uint32
	ShiftTicks int64 // added to the decoding times of the samples, by the edit list
	// Edited is set if the edit list has more media edits than the first one, which alone counts.
	Edited bool
}

// ErrEntry marks the error of a track whose sample entry is damaged or of an unknown codec. The other tracks of the movie
// can be read.
var ErrEntry = errors.New("")

// ReadTrak reads the payload of a trak box. movieScale is the timescale of the movie. The parameter sets are slices of
// trak. The ID is set with an error, too.
func ReadTrak(trak []byte, movieScale uint32) (t Trak, err error) {
	tkhd, _ := isobmff.ReadTkhd(isobmff.Find(trak, "tkhd"))
	t.ID = tkhd.ID
	mdhd, whole := isobmff.ReadMdhd(isobmff.Find(trak, "mdia", "mdhd"))
	if !whole || mdhd.Timescale == 0 {
		return t, errors.New("it has no timescale")
	}
	if t.Track, err = ReadSampleEntry(isobmff.Find(trak, "mdia", "minf", "stbl", "stsd"), mdhd.Timescale); err != nil {
		return t, fmt.Errorf("%w%w", ErrEntry, err)
	}
	if mdhd.Language != "" {
		t.Language = mdhd.Language
	}
	t.readEdits(isobmff.Find(trak, "edts", "elst"), movieScale, mdhd.Timescale)
	return t, nil
}

// readEdits sets by how many ticks an edit list moves the track (ISO/IEC 14496-12, 8.6.6). movieScale and scale are the
// timescales of the movie and the track.
func (t *Trak) readEdits(elst []byte, movieScale, scale uint32) {
	empty, seen := uint64(0), false
	edits := isobmff.ReadElst(elst)
	for edit, ok := edits.Next(); ok; edit, ok = edits.Next() {
		switch {
		case seen:
			t.Edited = true
			return
		case edit.MediaTicks < 0:
			empty = min(empty+edit.DurationTicks, math.MaxInt64/8)
			continue
		}
		seen = true
		t.ShiftTicks = media.Rescale(int64(empty), movieScale, scale) - min(edit.MediaTicks, math.MaxInt64/8)
	}
}
