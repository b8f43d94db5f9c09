package repair

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
)

// track holds the properties of a track that are needed to check its samples, and the sums of
// kept and lost media.
type track struct {
	id        uint32
	timescale uint32
	video     bool
	nal       int  // bytes of the length before each NAL unit; 0 if the codec has no NAL units
	dense     bool // the codec writes no long runs of zeros: see codec.Dense

	defaults isobmff.SampleDefaults // the track's trex: values of fields that a fragment omits

	keptTicks int64  // duration of the kept samples
	lostTicks int64  // duration of the lost samples
	trak      []byte // payload of the trak
}

// maxTracks limits the tracks of a file, and so the work for each fragment. No recorder writes as
// many.
const maxTracks = 64

// readTrex returns the sample defaults in the trex boxes of an mvex payload, by track ID.
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

// parseTrack reads the payload of a trak. defaults has the sample defaults of all tracks, by track
// ID. ok is false if the trak lacks a header or a handler.
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
