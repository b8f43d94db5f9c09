package hls

import (
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Format describes a track for the multivariant playlist.
type Format struct {
	Kind          media.Kind
	Codec         string // codecs parameter of RFC 6381
	Width, Height int    // pixels; 0 for sound
	FrameRate     float64
}

// formatsOf returns the formats of the pictures and the sound of a recording.
func formatsOf(r *clip.Recording) (out []Format) {
	for i := range r.Tracks {
		t := &r.Tracks[i]
		var stsd isobmff.Writer
		stsd.U32(0)
		stsd.U32(1)
		stsd.Append(t.Entry)
		of, err := codec.ReadSampleEntry(stsd.B, t.Timescale)
		if err != nil || t.Samples == 0 || of.Kind() == media.Metadata || codec.Of(of.Codec).MIME == nil {
			continue
		}
		f := Format{Kind: of.Kind(), Codec: codec.Of(of.Codec).MIME(&of), Width: of.Width, Height: of.Height}
		if first, err := r.Sample(i, 0); err == nil && f.Kind == media.Video && t.EndTicks > first.DTS {
			f.FrameRate = float64(t.Samples) / time.Duration(t.NS(t.EndTicks-first.DTS)).Seconds()
		}
		out = append(out, f)
	}
	return out
}
