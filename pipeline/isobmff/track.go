package isobmff

import (
	"encoding/binary"
	"math"

	gomp4 "github.com/abema/go-mp4"

	"github.com/gospool/spool/pipeline/media"
)

// TrackHeader holds the fields of a tkhd (ISO/IEC 14496-12, 8.3.2).
type TrackHeader struct {
	CreatedSeconds uint64 // seconds since 1904; see ToMovieTime
	ID             uint32 // never 0
	DurationTicks  uint64 // ticks of the movie's timescale
	AlternateGroup int16
	Volume         int16  // 8.8 fixed point
	Width, Height  uint32 // pixels of the presentation, 16.16 fixed point
}

// ReadTkhd reads the payload of a tkhd. whole is false if the box is cut; missing fields are 0.
func ReadTkhd(payload []byte) (h TrackHeader, whole bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	h.CreatedSeconds = f.Versioned(version)
	f.Versioned(version)
	h.ID = f.U32()
	f.Skip(4)
	h.DurationTicks = f.Versioned(version)
	f.Skip(8 + 2) // reserved, layer
	h.AlternateGroup, h.Volume = int16(f.U16()), int16(f.U16())
	f.Skip(2 + 36) // reserved, matrix
	h.Width, h.Height = f.U32(), f.U32()
	return h, !f.Short()
}

// Tkhd appends a tkhd with the flags track_enabled and track_in_movie.
func (w *Writer) Tkhd(h *TrackHeader) {
	box := gomp4.Tkhd{
		FullBox: gomp4.FullBox{Flags: [3]byte{0, 0, 3}},
		TrackID: h.ID, Matrix: unity, Width: h.Width, Height: h.Height,
		AlternateGroup: h.AlternateGroup, Volume: h.Volume,
	}
	if is64(h.CreatedSeconds, h.DurationTicks) {
		box.Version = 1
		box.CreationTimeV1, box.ModificationTimeV1, box.DurationV1 = h.CreatedSeconds, h.CreatedSeconds, h.DurationTicks
	} else {
		box.CreationTimeV0, box.ModificationTimeV0, box.DurationV0 = uint32(h.CreatedSeconds), uint32(h.CreatedSeconds), uint32(h.DurationTicks)
	}
	w.tkhd(&box)
}

// MediaHeader holds the fields of an mdhd (ISO/IEC 14496-12, 8.4.2).
type MediaHeader struct {
	CreatedSeconds uint64 // seconds since 1904; see ToMovieTime
	Timescale      uint32 // ticks of the track per second
	DurationTicks  uint64 // ticks of the track
	Language       string // three letters of ISO 639-2/T; empty for a language code of QuickTime
}

// ReadMdhd reads the payload of an mdhd. whole is false if the box ends before the language.
func ReadMdhd(payload []byte) (h MediaHeader, whole bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	h.CreatedSeconds = f.Versioned(version)
	f.Versioned(version)
	h.Timescale = f.U32()
	h.DurationTicks = f.Versioned(version)
	if l := f.U16(); l > 0x400 { // QuickTime's language codes are less
		h.Language = string([]byte{byte(l>>10&31) + 0x60, byte(l>>5&31) + 0x60, byte(l&31) + 0x60})
	}
	return h, !f.Short()
}

// Mdhd appends an mdhd. A language without three letters is written as und, undetermined; the letters must be
// lower-case.
func (w *Writer) Mdhd(h *MediaHeader) {
	box := gomp4.Mdhd{Timescale: h.Timescale}
	language := h.Language
	if len(language) != len(box.Language) {
		language = "und"
	}
	for i := range box.Language {
		box.Language[i] = language[i] - 0x60
	}
	if is64(h.CreatedSeconds, h.DurationTicks) {
		box.Version = 1
		box.CreationTimeV1, box.ModificationTimeV1, box.DurationV1 = h.CreatedSeconds, h.CreatedSeconds, h.DurationTicks
	} else {
		box.CreationTimeV0, box.ModificationTimeV0, box.DurationV0 = uint32(h.CreatedSeconds), uint32(h.CreatedSeconds), uint32(h.DurationTicks)
	}
	w.mdhd(&box)
}

// ReadHdlr reads the handler type, such as "vide" or "soun", from the payload of an hdlr (ISO/IEC
// 14496-12, 8.4.3). whole is false if the box ends before the end of the handler type.
func ReadHdlr(payload []byte) (handler FourCC, whole bool) {
	f := NewFields(payload)
	f.Skip(8)
	copy(handler[:], f.Take(4))
	return handler, !f.Short()
}

// Hdlr appends an hdlr with a handler type of four characters and a name for people.
func (w *Writer) Hdlr(handler, name string) {
	box := gomp4.Hdlr{Name: name}
	copy(box.HandlerType[:], handler)
	w.hdlr(&box)
}

// Vmhd appends a vmhd, the media header of a video track.
func (w *Writer) Vmhd() { w.vmhd(&gomp4.Vmhd{FullBox: gomp4.FullBox{Flags: [3]byte{0, 0, 1}}}) }

// Smhd appends an smhd, the media header of an audio track.
func (w *Writer) Smhd() { w.smhd(&gomp4.Smhd{}) }

// Dinf appends a dinf with one data reference: the media is in the same file (ISO/IEC 14496-12,
// 8.7.1 and 8.7.2).
func (w *Writer) Dinf() {
	dinf := w.Open("dinf")
	dref := w.openDref(&gomp4.Dref{EntryCount: 1})
	w.url(&gomp4.Url{FullBox: gomp4.FullBox{Flags: [3]byte{0, 0, selfContained}}})
	w.Close(dref)
	w.Close(dinf)
}

// HandlerOf returns the handler type of a kind of media (ISO/IEC 14496-12, 8.4.3), and the name of the handler in files of
// spool.
func HandlerOf(kind media.Kind) (fourcc, name string) {
	switch kind {
	case media.Video:
		return "vide", "VideoHandler"
	case media.Audio:
		return "soun", "SoundHandler"
	}
	return "meta", "MetadataHandler"
}

// OpenMinf appends an hdlr, and begins the minf behind it with the media header for its handler type, and a dinf.
// It returns the place for Close.
func (w *Writer) OpenMinf(handler, name string) int {
	w.Hdlr(handler, name)
	minf := w.Open("minf")
	switch handler {
	case "vide":
		w.Vmhd()
	case "soun":
		w.Smhd()
	default:
		w.Nmhd()
	}
	w.Dinf()
	return minf
}

// Edit is an entry of an edit list (ISO/IEC 14496-12, 8.6.6).
type Edit struct {
	DurationTicks uint64 // ticks of the movie; 0 in a fragmented file: for all fragments
	MediaTicks    int64  // media_time, ticks of the track; -1: an empty edit, which presents nothing
}

// Edits reads the entries of an elst in order, in the memory of its payload.
type Edits struct {
	f       Fields
	version uint8
	left    uint32
}

// ReadElst returns the entries in the payload of an elst. It returns no entries for nil.
func ReadElst(payload []byte) (e Edits) {
	e.f = NewFields(payload)
	e.version, _ = e.f.FullBox()
	e.left = e.f.U32()
	return e
}

// Next reads the next entry. ok is false behind the last entry, and at an entry that is cut.
func (e *Edits) Next() (edit Edit, ok bool) {
	if e.left == 0 {
		return edit, false
	}
	e.left--
	edit.DurationTicks = e.f.Versioned(e.version)
	at := e.f.Versioned(e.version)
	edit.MediaTicks = int64(at)
	if e.version == 0 {
		edit.MediaTicks = int64(int32(at))
	}
	e.f.Skip(4) // rate
	return edit, !e.f.Short()
}

// Elst appends an elst in which all edits have rate 1.
func (w *Writer) Elst(edits []Edit) {
	at := w.OpenFull("elst", 1, 0)
	w.U32(uint32(len(edits)))
	for _, e := range edits {
		w.U64(e.DurationTicks)
		w.U64(uint64(e.MediaTicks))
		w.U32(0x00010000) // rate 1
	}
	w.Close(at)
}

// SetDuration overwrites the duration in the payload of an mvhd, tkhd or mdhd; fourcc is the box
// type. In a box of version 0 it writes a duration of more than 32 bits as 2^32 - 1, which means
// unknown. It changes nothing if the payload is too short.
func SetDuration(fourcc string, payload []byte, ticks uint64) {
	skip := 4 + 4 // version, flags and timescale: the bytes before the duration, without the two times
	if fourcc == "tkhd" {
		skip = 4 + 4 + 4 // version, flags, track ID and a reserved field
	}
	version := uint8(0)
	if len(payload) > 0 {
		version = payload[0]
	}
	switch {
	case version == 1 && len(payload) >= skip+16+8:
		binary.BigEndian.PutUint64(payload[skip+16:], ticks)
	case version != 1 && len(payload) >= skip+8+4:
		binary.BigEndian.PutUint32(payload[skip+8:], uint32(min(ticks, math.MaxUint32)))
	}
}

// ClipEdits shortens each entry in the payload of an elst that lasts longer than most. most is in
// ticks of the movie.
func ClipEdits(payload []byte, most uint64) {
	if len(payload) < 8 {
		return
	}
	wide := payload[0] == 1
	step := 12
	if wide {
		step = 20
	}
	for e := payload[8:]; len(e) >= step; e = e[step:] {
		if wide {
			binary.BigEndian.PutUint64(e, min(binary.BigEndian.Uint64(e), most))
		} else {
			binary.BigEndian.PutUint32(e, uint32(min(uint64(binary.BigEndian.Uint32(e)), most)))
		}
	}
}
