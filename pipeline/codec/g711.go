package codec

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// MuLaw and ALaw are the mu-law and the A-law of ITU-T G.711, as they are sent. An access unit holds any number of
// frames; a frame has one byte of each channel. The sample entries are those of the QuickTime File Format, which MP4
// files use, too.
var (
	MuLaw = Register(g711("mulaw", "G.711 mu-law", "ulaw"))
	ALaw  = Register(g711("alaw", "G.711 A-law", "alaw"))
)

func g711(name, title, fourcc string) Codec {
	return Codec{
		CodecTraits: media.CodecTraits{Name: name, Kind: media.Audio},
		Title:       title,
		Describe:    describeG711,
		MIME:        func(*media.Track) string { return fourcc },
		MayBeZeros:  true,
		FrameBytes:  func(t *media.Track) int { return t.Channels },
		Entry:       SampleEntry{Types: []string{fourcc}, Write: writeEntryG711, Read: readEntryG711},
	}
}

// describeG711 implements Codec.Describe. It needs the track's SampleRate and Channels.
func describeG711(t *media.Track) error {
	if t.SampleRate <= 0 || t.Channels <= 0 {
		return fmt.Errorf("%d Hz, %d channels", t.SampleRate, t.Channels)
	}
	return nil
}

// writeEntryG711 writes a sample entry with the sample size of the decoded sound, as QuickTime does.
func writeEntryG711(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	w.Close(w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate))
	return isobmff.SquarePixels, nil
}

func readEntryG711(entry []byte, t *media.Track) error {
	e, ok := isobmff.ReadAudioEntry(entry)
	if !ok {
		return errors.New("the sample entry is cut")
	}
	t.Channels, t.SampleRate = e.Channels, cmp.Or(e.Rate, int(t.Timescale))
	return describeG711(t)
}
