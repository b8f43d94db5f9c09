package repair

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
)

// track holds the properties of a track that are needed to check its samples.
type track struct {
	id        uint32
	timescale uint32
	video     bool
	nal       int  // size of the length before each NAL unit, bytes; 0 if samples have no NAL units
	dense     bool // no sample consists of zeros

	defaults isobmff.SampleDefaults // for fields that a fragment omits

	keptTicks int64
	lostTicks int64  // of dropped samples
	trak      []byte // payload
}

// maxTracks is more than any recorder writes, and limits the work for each fragment.
const maxTracks = 64

// readTrex reads the trex boxes of an mvex, by track.
func readTrex(mvex []byte) map[uint32]isobmff.SampleDefaults {
	out := map[uint32]isobmff.SampleDefaults{}
	for boxes := isobmff.Walk(mvex); len(out) <= maxTracks && boxes.Next(); {
		if !boxes.Is("trex") {
			continue
		}
		if t, whole := isobmff.ReadTrex(boxes.Payload); whole {
			out[t.TrackID] = t.SampleDefaults
		}
	}
	return out
}

// parseTrack reads a trak and selects the trex of its track.
func parseTrack(trak []byte, defaults map[uint32]isobmff.SampleDefaults) (t track, ok bool) {
	header, headed := isobmff.ReadTkhd(isobmff.Find(trak, "tkhd"))
	mdhd, _ := isobmff.ReadMdhd(isobmff.Find(trak, "mdia", "mdhd"))
	handler, told := isobmff.ReadHdlr(isobmff.Find(trak, "mdia", "hdlr"))
	if header.ID == 0 && !headed || !told {
		return t, false
	}
	stsd := isobmff.Find(trak, "mdia", "minf", "stbl", "stsd")
	t.id, t.timescale = header.ID, mdhd.Timescale
	t.video, t.trak = handler.Is("vide"), trak
	t.nal = codec.LengthSize(stsd)
	t.dense = len(stsd) >= 16 && codec.Dense(string(stsd[12:16]))
	t.defaults = defaults[t.id]
	return t, t.timescale > 0
}
