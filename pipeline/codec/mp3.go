package codec

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// MP3 is MPEG audio of the layers I to III: ISO/IEC 11172-3, ISO/IEC 13818-3, and MPEG-2.5 with lower sample rates. A
// track has one parameter set, which MP3Frame.Set returns. The bit rate may differ from frame to frame.
var MP3 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "mp3", Kind: media.Audio, ParameterSets: true},
	Title:       "MP3",
	Describe:    describeMP3,
	MIME:        mimeMP3,
	// The data of a frame of layer III may begin up to 511 bytes before the frame (ISO/IEC 11172-3, 2.4.2.7): in mono
	// at 32 kbit/s and 48 kHz, seven frames before. The first frame after these overlaps the one before.
	RollDistance: -8,
	Entry:        SampleEntry{Types: []string{"mp4a", ".mp3"}, Config: "esds", Write: writeEntryMP3, Read: readEntryMP3},
})

// MP3Frame holds the fields of the header of a frame (ISO/IEC 11172-3, 2.4.1.3).
type MP3Frame struct {
	Version  int // 1: MPEG-1; 2: MPEG-2, half the sample rates; 3: MPEG-2.5, a quarter of them
	Layer    int // 1 to 3
	Rate     int // sample rate, Hz
	Channels int
	Bytes    int // size of the frame with its header
	Samples  int // samples of a channel
}

// mp3HeaderBytes is the size of the header of a frame.
const mp3HeaderBytes = 4

// mp3KBits holds the bit rates, kbit/s, by the index in the header: for the layers I to III of MPEG-1, layer I of
// MPEG-2, and the layers II and III of MPEG-2.
var mp3KBits = [5][15]int{
	{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// mp3Rates holds the sample rates of MPEG-1, Hz, by the index in the header.
var mp3Rates = [3]int{44100, 48000, 32000}

// ReadMP3Frame reads the header of a frame at the beginning of b, which may end before the frame does. A frame of
// "free format", whose size the header leaves out, is an error.
func ReadMP3Frame(b []byte) (f MP3Frame, err error) {
	if len(b) < mp3HeaderBytes {
		return f, errors.New("the header of an MP3 frame is cut")
	}
	f = MP3Frame{Version: [4]int{3, 0, 2, 1}[b[1]>>3&3], Layer: 4 - int(b[1]>>1&3), Channels: 2}
	bits, rate, padding := int(b[2]>>4), int(b[2]>>2&3), int(b[2]>>1&1)
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 || f.Version == 0 || f.Layer == 4 || bits == 0 || bits == 15 || rate == 3 {
		return f, fmt.Errorf("%x is no header of an MP3 frame", b[:mp3HeaderBytes])
	}
	if b[3]>>6 == 3 {
		f.Channels = 1
	}
	f.Rate = mp3Rates[rate] >> (f.Version - 1)
	row := f.Layer - 1
	if f.Version > 1 {
		row = min(3+row, 4)
	}
	bitrate := 1000 * mp3KBits[row][bits]
	switch {
	case f.Layer == 1:
		f.Samples, f.Bytes = 384, 4*(12*bitrate/f.Rate+padding)
	case f.Layer == 3 && f.Version > 1:
		f.Samples, f.Bytes = 576, 72*bitrate/f.Rate+padding
	default:
		f.Samples, f.Bytes = 1152, 144*bitrate/f.Rate+padding
	}
	return f, nil
}

// Set returns the parameter set of a track: a header with the version, the rate and the number of channels of the frame.
// Its other fields are fixed.
func (f MP3Frame) Set() []byte {
	set := []byte{0xff, [4]byte{1: 0xfb, 2: 0xf3, 3: 0xe3}[f.Version], 0x10, 0}
	for i, rate := range mp3Rates {
		if rate>>(f.Version-1) == f.Rate {
			set[2] |= byte(i << 2)
		}
	}
	if f.Channels == 1 {
		set[3] = 3 << 6
	}
	return set
}

// describeMP3 implements Codec.Describe.
func describeMP3(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no header of an MP3 frame")
	}
	f, err := ReadMP3Frame(t.ParameterSets[0])
	if err != nil {
		return err
	}
	t.SampleRate, t.Channels, t.ParameterSets = f.Rate, f.Channels, [][]byte{f.Set()}
	return nil
}

// objectMP3 returns the objectTypeIndication of a track (ISO/IEC 14496-1, table 5): of MPEG-1, or of MPEG-2, which
// stands for MPEG-2.5, too.
func objectMP3(t *media.Track) uint8 {
	if len(t.ParameterSets) > 0 {
		if f, err := ReadMP3Frame(t.ParameterSets[0]); err == nil && f.Version > 1 {
			return 0x69
		}
	}
	return 0x6b
}

// mimeMP3 returns the codecs parameter (RFC 6381, 3.3): mp4a and the objectTypeIndication.
func mimeMP3(t *media.Track) string { return fmt.Sprintf("mp4a.%02X", objectMP3(t)) }

// writeEntryMP3 writes a sample entry (ISO/IEC 14496-14, 5.6.1).
func writeEntryMP3(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate)
	w.Esds(isobmff.AudioStream, objectMP3(t), nil)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// readEntryMP3 reads a sample entry with the esds of MP3, or the entry .mp3 of QuickTime, which has none. The rate and
// the channels are fields of the entry.
func readEntryMP3(entry []byte, t *media.Track) error {
	e, object, _, err := readEsds(entry)
	switch {
	case err == nil && object != 0x69 && object != 0x6b:
		return fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
	case err != nil && isobmff.Find(e.Boxes, "esds") != nil:
		return err
	}
	rate := cmp.Or(e.Rate, int(t.Timescale))
	for version := 1; version <= 3; version++ {
		for _, r := range mp3Rates {
			if r>>(version-1) == rate && e.Channels >= 1 && e.Channels <= 2 {
				t.ParameterSets = [][]byte{MP3Frame{Version: version, Rate: rate, Channels: e.Channels}.Set()}
				return describeMP3(t)
			}
		}
	}
	return fmt.Errorf("MP3 of %d Hz, %d channels", rate, e.Channels)
}
