package isobmff

// PixelAspect is the aspect ratio of a pixel, H wide and V high (ISO/IEC 14496-12, 12.1.4).
type PixelAspect struct{ H, V uint32 }

// SquarePixels is the aspect ratio that needs no box.
var SquarePixels = PixelAspect{1, 1}

// visualFields is the number of bytes of a visual sample entry before its boxes.
const visualFields = 78

// OpenVisualEntry begins a visual sample entry (ISO/IEC 14496-12, 12.1.3) and leaves it open for
// its boxes.
func (w *Writer) OpenVisualEntry(fourcc string, width, height int) (at int) {
	at = w.openEntry(fourcc)
	w.Append(make([]byte, 16))
	w.U16(uint16(width))
	w.U16(uint16(height))
	w.U32(72 << 16) // horizresolution
	w.U32(72 << 16) // vertresolution
	w.U32(0)
	w.U16(1) // frame_count
	w.Append(make([]byte, 32))
	w.U16(0x0018) // depth
	w.U16(0xffff) // pre_defined
	return at
}

// VisualEntry is a parsed visual sample entry.
type VisualEntry struct {
	Width, Height int    // pixels
	Boxes         []byte // the boxes after the fields, a view
}

// ReadVisualEntry reads the payload of a visual sample entry. ok is false if it is cut.
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

// OpenAudioEntry begins an audio sample entry (ISO/IEC 14496-12, 12.2.3) and leaves it open for its
// boxes. It writes a rate that 16 bits cannot hold as 0, like ffmpeg: players read the codec's
// configuration, and would use any other number as the rate.
func (w *Writer) OpenAudioEntry(fourcc string, channels, rate int) (at int) {
	if rate > 0xffff {
		rate = 0
	}
	at = w.openEntry(fourcc)
	w.U64(0)
	w.U16(uint16(channels))
	w.U16(16) // samplesize
	w.U32(0)
	w.U32(uint32(rate) << 16)
	return at
}

// AudioEntry is a parsed audio sample entry.
type AudioEntry struct {
	Channels, Rate int    // Rate in Hz, 0 if 16 bits cannot hold it
	Boxes          []byte // the boxes after the fields, a view
}

// ReadAudioEntry reads the payload of an audio sample entry, also of QuickTime. ok is false if it
// is cut.
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

// openEntry begins a sample entry (ISO/IEC 14496-12, 8.5.2) of the first data reference.
func (w *Writer) openEntry(fourcc string) (at int) {
	at = w.Open(fourcc)
	w.Append(make([]byte, 6))
	w.U16(1)
	return at
}
