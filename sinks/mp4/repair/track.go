package repair

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
)

// track is what judging a track's samples takes.
type track struct {
	id        uint32
	timescale uint32
	video     bool
	nal       int  // bytes of the length before each NAL unit; 0 where samples are not made of them
	dense     bool // no sample is zeros

	defaults isobmff.SampleDefaults // where a fragment does not say

	kept int64  // ticks
	next int64  // decode time behind the last sample that is kept, ticks
	trak []byte // payload
}

// maxTracks is more than any recorder writes, and bounds what is done for each track
// of each fragment.
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

// parseTrack reads a trak, and picks the trex of its track.
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
