package repair

import (
	"encoding/binary"

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
	trex
	kept int64  // ticks
	next int64  // decode time behind the last sample that is kept, ticks
	trak []byte // payload
}

// maxTracks is more than any recorder writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64

// trex is what the samples of a track are where a fragment does not say.
type trex struct{ duration, size, flags uint32 }

// readTrex reads the trex boxes of an mvex, by track.
func readTrex(mvex []byte) map[uint32]trex {
	out := map[uint32]trex{}
	for boxes := isobmff.Walk(mvex); len(out) <= maxTracks && boxes.Next(); {
		if b := boxes.Payload; boxes.Is("trex") && len(b) >= 24 {
			out[binary.BigEndian.Uint32(b[4:])] = trex{
				binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]),
			}
		}
	}
	return out
}

// parseTrack reads a trak, and picks the trex of its track.
func parseTrack(trak []byte, defaults map[uint32]trex) (t track, ok bool) {
	tkhd, mdhd, hdlr := isobmff.Find(trak, "tkhd"), isobmff.Find(trak, "mdia", "mdhd"), isobmff.Find(trak, "mdia", "hdlr")
	stsd := isobmff.Find(trak, "mdia", "minf", "stbl", "stsd")
	idAt, scaleAt := 12, 12
	if len(tkhd) > 0 && tkhd[0] == 1 {
		idAt = 20
	}
	if len(mdhd) > 0 && mdhd[0] == 1 {
		scaleAt = 20
	}
	if len(tkhd) < idAt+4 || len(mdhd) < scaleAt+4 || len(hdlr) < 12 {
		return t, false
	}
	t.id, t.timescale = binary.BigEndian.Uint32(tkhd[idAt:]), binary.BigEndian.Uint32(mdhd[scaleAt:])
	t.video, t.trak = string(hdlr[8:12]) == "vide", trak
	t.nal = codec.LengthSize(stsd)
	t.dense = len(stsd) >= 16 && codec.Dense(string(stsd[12:16]))
	t.trex = defaults[t.id]
	return t, t.timescale > 0
}
