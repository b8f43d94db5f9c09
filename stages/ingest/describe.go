package ingest

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// description is a track as its parameter sets tell it.
type description struct {
	track media.Track
	codec.Picture
}

// describe makes the description of a video track, by the sets that the unit at
// hand refers to.
func (s *paramSets) describe(timescale uint32) *description {
	d := &description{}
	d.track, _ = codec.Describe(s.coding, timescale, s.choose()) // they were readable
	d.Picture, _ = s.nal.Picture(s.inUse(s.nal.Sets.SPS))
	return d
}

// describeFrames makes the description of a track of a codec without NAL units.
func describeFrames(c *TrackConfig, sets [][]byte) (*description, error) {
	d := &description{track: media.Track{
		Codec: c.Codec, Timescale: c.Timescale, ParameterSets: sets,
		Width: c.Width, Height: c.Height, SampleRate: c.SampleRate, Channels: c.Channels,
	}}
	return d, codec.Complete(&d.track)
}
