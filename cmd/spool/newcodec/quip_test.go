package newcodec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// quip is an audio codec with frames of 20 ms and without parameter sets, like G.711. A decoder
// must decode four frames before the one that it starts at, as with Opus. Silence is zeros.
// plink is the same except that a decoder can start anywhere.
var (
	quip  = codec.Register(bareSound("quip", -4))
	plink = codec.Register(bareSound("plnk", 0))
)

func bareSound(name string, roll int16) codec.Codec {
	return codec.Codec{
		CodecTraits:  media.CodecTraits{Name: name, Kind: media.Audio},
		RollDistance: roll,
		MayBeZeros:   true,
		MIME:         func(*media.Track) string { return name },
		Entry: codec.SampleEntry{
			Types: []string{name},
			Write: func(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
				w.Close(w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate))
				return isobmff.SquarePixels, nil
			},
			Read: func(entry []byte, t *media.Track) error {
				e, ok := isobmff.ReadAudioEntry(entry)
				if !ok {
					return errors.New("the sample entry is cut")
				}
				t.Channels, t.SampleRate = e.Channels, e.Rate
				return describeQuip(t)
			},
		},
		Describe: describeQuip,
	}
}

func describeQuip(t *media.Track) error {
	if t.SampleRate <= 0 || t.Channels <= 0 {
		return fmt.Errorf("%d Hz, %d channels", t.SampleRate, t.Channels)
	}
	t.FrameDurationTicks = t.Timescale / 50
	return nil
}
