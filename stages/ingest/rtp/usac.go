package rtp

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// mpeg4Generic returns the Config of a format of RFC 3640: of xHE-AAC if its configuration says so, and otherwise of AAC.
func (f *Format) mpeg4Generic(of media.Codec) (Config, error) {
	asc := hexDigits(f.value(aacConfig))
	a, err := codec.ReadUSACConfig(asc)
	switch {
	case errors.Is(err, codec.ErrNotUSAC):
		return f.aac(of)
	case err != nil:
		return Config{}, fmt.Errorf("xhe-aac: %w", err)
	}
	w := f.auHeader()
	if w[0] == 0 {
		return Config{}, errors.New("unreadable-" + f.Name)
	}
	rate := uint32(a.Rate)
	// A frame of xHE-AAC has no ADTS header, even if it begins as one: begun.
	p := &aacPayload{frames: frames{int64(a.FrameSamples), rate}, size: w[0], index: w[1], delta: w[2], begun: true}
	clock := cmp.Or(f.Clock, rate)
	// A tick is not longer than a sample: see Format.audio.
	c := Config{Audio: p, Track: ingest.TrackConfig{Codec: usacCodec, Timescale: max(clock, rate), ParameterSets: [][]byte{asc}}}
	c.setClock(clock, rate, VideoClockHz)
	return c, nil
}
