package isobmff

import gomp4 "github.com/abema/go-mp4"

// PixelAspect is the shape of a pixel, H wide and V high (ISO/IEC 14496-12, 12.1.4).
type PixelAspect struct{ H, V uint32 }

// SquarePixels is the shape that needs no box.
var SquarePixels = PixelAspect{1, 1}

// visualFields are the bytes of a visual sample entry before its boxes.
const visualFields = 78

// OpenVisualEntry begins a visual sample entry (ISO/IEC 14496-12, 12.1.3), which is
// left open for its boxes.
func (w *Writer) OpenVisualEntry(fourcc string, width, height int) (at int) {
	return w.OpenMarshal(&gomp4.VisualSampleEntry{
		SampleEntry: sampleEntry(fourcc),
		Width:       uint16(width), Height: uint16(height),
		Horizresolution: 72 << 16, Vertresolution: 72 << 16,
		FrameCount: 1, Depth: 0x0018, PreDefined3: -1,
	})
}

// VisualEntry is a visual sample entry as it is read.
type VisualEntry struct {
	Width, Height int    // pixels
	Boxes         []byte // behind the fields, a view
}

// ReadVisualEntry reads the payload of a visual sample entry. ok is false where it is
// cut.
func ReadVisualEntry(payload []byte) (e VisualEntry, ok bool) {
	f := NewFields(payload)
	f.Skip(24)
	e.Width, e.Height = int(f.U16()), int(f.U16())
	f.Skip(visualFields - 28)
	e.Boxes = f.Rest()
	return e, !f.Short()
}

// PixelAspect appends a pasp, unless pixels are square.
func (w *Writer) PixelAspect(a PixelAspect) {
	if a == SquarePixels {
		return
	}
	at := w.Open("pasp")
	w.U32(a.H)
	w.U32(a.V)
	w.Close(at)
}

// OpenAudioEntry begins an audio sample entry (ISO/IEC 14496-12, 12.2.3), which is
// left open for its boxes. A rate that 16 bits cannot hold is 0, as ffmpeg writes it:
// players read the codec's configuration, and would take another number for the rate.
func (w *Writer) OpenAudioEntry(fourcc string, channels, rate int) (at int) {
	if rate > 0xffff {
		rate = 0
	}
	return w.OpenMarshal(&gomp4.AudioSampleEntry{
		SampleEntry:  sampleEntry(fourcc),
		ChannelCount: uint16(channels), SampleSize: 16,
		SampleRate: uint32(rate) << 16,
	})
}

// AudioEntry is an audio sample entry as it is read.
type AudioEntry struct {
	Channels, Rate int    // Hz, 0 where 16 bits cannot hold it
	Boxes          []byte // behind the fields, a view
}

// ReadAudioEntry reads the payload of an audio sample entry, of QuickTime too. ok is
// false where it is cut.
func ReadAudioEntry(payload []byte) (e AudioEntry, ok bool) {
	f := NewFields(payload)
	f.Skip(8)
	version := f.U16()
	f.Skip(6)
	e.Channels = int(f.U16())
	f.Skip(6)
	e.Rate = int(f.U32() >> 16)
	f.Skip(map[uint16]int{1: 16, 2: 36}[version])
	e.Boxes = f.Rest()
	return e, !f.Short()
}

func sampleEntry(fourcc string) gomp4.SampleEntry {
	return gomp4.SampleEntry{AnyTypeBox: gomp4.AnyTypeBox{Type: gomp4.StrToBoxType(fourcc)}, DataReferenceIndex: 1}
}
