package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// FLAC is RFC 9639. A track has one parameter set, which FLACInfo.Set returns. An access unit is a frame, which may hold
// fewer samples than the frame before.
var FLAC = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "flac", Kind: media.Audio, ParameterSets: true},
	Title:       "FLAC",
	Describe:    describeFLAC,
	MIME:        func(*media.Track) string { return "fLaC" },
	Entry:       SampleEntry{Types: []string{"fLaC"}, Config: "dfLa", Write: writeEntryFLAC, Read: readEntryFLAC},
})

// FLACInfo holds fields of the STREAMINFO block (RFC 9639, 8.2).
type FLACInfo struct {
	MinBlock, MaxBlock uint16 // samples of a channel in a frame; MinBlock ignores the last frame
	Rate               int    // sample rate, Hz
	Channels           int
	Bits               int // bits of a sample of one channel
}

// flacInfoBytes is the size of the STREAMINFO block without its header.
const flacInfoBytes = 34

// ReadFLACInfo reads a STREAMINFO block without its header.
func ReadFLACInfo(b []byte) (info FLACInfo, err error) {
	if len(b) < flacInfoBytes {
		return info, errors.New("STREAMINFO is cut")
	}
	r := bitstream.NewReader(b)
	info.MinBlock, info.MaxBlock = uint16(r.Bits(16)), uint16(r.Bits(16))
	r.Skip(24 + 24) // sizes of the frames
	info.Rate, info.Channels, info.Bits = int(r.Bits(20)), 1+int(r.Bits(3)), 1+int(r.Bits(5))
	switch {
	case info.MinBlock < 16 || info.MaxBlock < info.MinBlock:
		return info, fmt.Errorf("STREAMINFO has blocks of %d to %d samples", info.MinBlock, info.MaxBlock)
	case info.Rate == 0 || info.Bits < 4:
		return info, fmt.Errorf("STREAMINFO has %d Hz, %d bits", info.Rate, info.Bits)
	}
	return info, nil
}

// Set returns the parameter set of a track: a STREAMINFO block without its header. The sizes of the frames, the number of
// samples and the MD5 sum are 0, which stands for unknown: a recording may have a part of the stream.
func (info FLACInfo) Set() []byte {
	var w isobmff.Writer
	w.U16(info.MinBlock)
	w.U16(info.MaxBlock)
	w.Append(make([]byte, 6))
	w.U64(uint64(info.Rate)<<44 | uint64(info.Channels-1)<<41 | uint64(info.Bits-1)<<36)
	return append(w.B, make([]byte, 16)...)
}

// describeFLAC implements Codec.Describe.
func describeFLAC(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no STREAMINFO")
	}
	info, err := ReadFLACInfo(t.ParameterSets[0])
	if err != nil {
		return err
	}
	t.SampleRate, t.Channels, t.ParameterSets = info.Rate, info.Channels, [][]byte{info.Set()}
	return nil
}

// lastFLACBlock marks the last metadata block in its header: a flag, the type, which is 0 for STREAMINFO, and the size in
// 24 bits (RFC 9639, 8.1).
const lastFLACBlock = 0x80

// writeEntryFLAC writes a sample entry ("Encapsulation of FLAC in ISO Base Media File Format", 3.3.1). A rate of more
// than 16 bits is halved until it fits.
func writeEntryFLAC(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	info, err := ReadFLACInfo(t.ParameterSets[0])
	if err != nil {
		return isobmff.SquarePixels, err
	}
	rate := info.Rate
	for rate > 0xffff {
		rate /= 2
	}
	at := w.OpenAudioEntry(fourcc, info.Channels, info.Bits, rate)
	config := w.OpenFull("dfLa", 0, 0)
	w.Append([]byte{lastFLACBlock, 0, 0, flacInfoBytes})
	w.Append(info.Set())
	w.Close(config)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// readEntryFLAC reads the first metadata block, which is STREAMINFO. The other blocks describe the sound to people.
func readEntryFLAC(entry []byte, t *media.Track) error {
	e, _ := isobmff.ReadAudioEntry(entry)
	f := isobmff.NewFields(isobmff.Find(e.Boxes, "dfLa"))
	f.FullBox()
	if header := f.Take(4); header == nil || header[0]&^lastFLACBlock != 0 || header[1] != 0 || header[2] != 0 || header[3] != flacInfoBytes {
		return errors.New("dfLa does not begin with STREAMINFO")
	}
	t.ParameterSets = [][]byte{f.Rest()}
	return describeFLAC(t)
}
