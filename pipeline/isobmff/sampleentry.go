package isobmff

import "math"

// PixelAspect is the aspect ratio of a pixel: H to V is its width to its height (ISO/IEC 14496-12,
// 12.1.4).
type PixelAspect struct{ H, V uint32 }

// ShownWidth returns the width of tkhd, in 16.16 fixed point, at which pictures of a width in pixels are shown.
func (a PixelAspect) ShownWidth(width int) uint32 {
	return uint32(uint64(width) << 16 * uint64(a.H) / uint64(a.V))
}

// SquarePixels is the aspect ratio of a track without a pasp box.
var SquarePixels = PixelAspect{1, 1}

// visualFields is the number of bytes in the payload of a visual sample entry before its boxes.
const visualFields = 78

// OpenVisualEntry begins a visual sample entry (ISO/IEC 14496-12, 12.1.3) with its fields. The
// caller appends its boxes, such as the decoder configuration, and closes it: see Open. Width and
// height are pixels.
func (w *Writer) OpenVisualEntry(fourcc string, width, height int) (at int) {
	at = w.openEntry(fourcc)
	w.zeros(16)
	w.U16(uint16(width))
	w.U16(uint16(height))
	w.U32(72 << 16) // horizresolution
	w.U32(72 << 16) // vertresolution
	w.U32(0)
	w.U16(1) // frame_count
	w.zeros(32)
	w.U16(0x0018) // depth
	w.U16(0xffff) // pre_defined
	return at
}

// VisualEntry holds fields of a visual sample entry.
type VisualEntry struct {
	Width, Height int    // pixels
	Boxes         []byte // the boxes after the fields, in the memory of the payload
}

// ReadVisualEntry reads the payload of a visual sample entry. ok is false if its fields are cut.
func ReadVisualEntry(payload []byte) (e VisualEntry, ok bool) {
	f := NewFields(payload)
	f.Skip(24)
	e.Width, e.Height = int(f.U16()), int(f.U16())
	f.Skip(visualFields - 28)
	e.Boxes = f.Rest()
	return e, !f.Short()
}

// PixelAspect appends a pasp. It appends nothing for square pixels.
func (w *Writer) PixelAspect(a PixelAspect) {
	if a == SquarePixels {
		return
	}
	at := w.Open("pasp")
	w.U32(a.H)
	w.U32(a.V)
	w.Close(at)
}

// OpenAudioEntry begins an audio sample entry (ISO/IEC 14496-12, 12.2.3) with its fields. The caller
// appends its boxes and closes it: see Open. bits is samplesize, which is 16 unless the sound is
// uncompressed. rate is in Hz. OpenAudioEntry writes a rate of more than 16 bits as 0, like ffmpeg:
// players then read it from the decoder configuration.
func (w *Writer) OpenAudioEntry(fourcc string, channels, bits, rate int) (at int) {
	if rate > 0xffff {
		rate = 0
	}
	at = w.openEntry(fourcc)
	w.U64(0)
	w.U16(uint16(channels))
	w.U16(uint16(bits))
	w.U32(0)
	w.U32(uint32(rate) << 16)
	return at
}

// AudioEntry holds fields of an audio sample entry.
type AudioEntry struct {
	Channels, Rate int    // number of channels; rate in Hz, 0 for a rate of more than 16 bits
	Bits           int    // samplesize; in version 2 the bits of a sample of one channel
	Flags          uint32 // formatSpecificFlags of version 2 of QuickTime; see LPCMFloat
	Boxes          []byte // the boxes after the fields, in the memory of the payload
}

// ReadAudioEntry reads the payload of an audio sample entry, including the versions 1 and 2 of
// QuickTime. ok is false if its fields are cut.
func ReadAudioEntry(payload []byte) (e AudioEntry, ok bool) {
	f := NewFields(payload)
	f.Skip(8)
	version := f.U16()
	f.Skip(6)
	e.Channels, e.Bits = int(f.U16()), int(f.U16())
	f.Skip(4)
	e.Rate = int(f.U32() >> 16)
	switch version {
	case 1:
		f.Skip(16)
	case 2:
		f.Skip(4)
		rate := math.Float64frombits(f.U64())
		e.Rate = int(max(0, min(rate, math.MaxInt32)))
		e.Channels = int(f.U32() & math.MaxInt32)
		f.Skip(4)
		e.Bits, e.Flags = int(f.U32()&math.MaxInt32), f.U32()
		f.Skip(8)
	}
	e.Boxes = f.Rest()
	return e, !f.Short()
}

// The bits of AudioEntry.Flags for uncompressed sound (QuickTime File Format, Sound Sample Description Version 2).
const (
	LPCMFloat     = 1 << 0
	LPCMBigEndian = 1 << 1
	LPCMSigned    = 1 << 2
	LPCMPlanar    = 1 << 5 // each channel has samples of its own
)

// openEntry begins a sample entry (ISO/IEC 14496-12, 8.5.2), and appends its first fields: the media
// is in data reference 1, which Dinf writes. The result is the offset for Close: see Open.
func (w *Writer) openEntry(fourcc string) (at int) {
	at = w.Open(fourcc)
	w.zeros(6)
	w.U16(1)
	return at
}
