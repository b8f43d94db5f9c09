package hls

import (
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// Format describes a track for the multivariant playlist.
type Format struct {
	Kind          media.Kind
	Codec         string // codecs parameter of RFC 6381
	Width, Height int    // pixels; 0 for sound
	FrameRate     float64
}

// formatsOf returns the formats of the pictures and the sound that the payload of a moov describes.
// It leaves out tracks that the index x has no samples of.
func formatsOf(moov []byte, x *index.Index) (out []Format) {
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		tkhd, _ := isobmff.ReadTkhd(isobmff.Find(boxes.Payload, "tkhd"))
		i := slices.IndexFunc(x.Tracks, func(t index.Track) bool { return t.ID == tkhd.ID && t.Samples > 0 })
		if i < 0 {
			continue
		}
		t, err := codec.ReadSampleEntry(isobmff.Find(boxes.Payload, "mdia", "minf", "stbl", "stsd"), x.Tracks[i].Timescale)
		if err != nil || t.Kind() == media.Metadata || codec.Of(t.Codec).MIME == nil {
			continue
		}
		f := Format{Kind: t.Kind(), Codec: codec.Of(t.Codec).MIME(&t), Width: t.Width, Height: t.Height}
		if seconds := time.Duration(x.Tracks[i].NS(x.Tracks[i].EndTicks)).Seconds(); f.Kind == media.Video && seconds > 0 {
			f.FrameRate = float64(x.Tracks[i].Samples) / seconds
		}
		out = append(out, f)
	}
	return out
}
