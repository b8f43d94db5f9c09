package isobmff

import (
	"math"

	gomp4 "github.com/abema/go-mp4"
)

// MovieHeader holds the fields of an mvhd (ISO/IEC 14496-12, 8.2.2).
type MovieHeader struct {
	CreatedSeconds uint64 // seconds since 1904; see ToMovieTime
	Timescale      uint32 // ticks of the movie per second, also in tkhd, mehd and edit lists
	DurationTicks  uint64
	NextTrackID    uint32 // greater than all track IDs
	// Long makes Writer.Mvhd use version 1 in any case, so that SetDuration can later write any
	// duration. ReadMvhd does not set it.
	Long bool
}

// MvhdTimesBytes is the length of the payload of an mvhd of version 1 up to the end of the
// duration.
const MvhdTimesBytes = 4 + 8 + 8 + 4 + 8

// ReadMvhd reads the payload of an mvhd. scaled is false if the box ends before the timescale;
// missing fields are 0.
func ReadMvhd(payload []byte) (h MovieHeader, scaled bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	h.CreatedSeconds = f.Versioned(version)
	f.Versioned(version)
	h.Timescale = f.U32()
	scaled = !f.Short()
	h.DurationTicks = f.Versioned(version)
	f.Skip(4 + 2 + 10 + 36 + 24) // rate, volume, reserved, matrix, pre_defined
	h.NextTrackID = f.U32()
	return h, scaled
}

// Mvhd appends an mvhd, in version 0 if its times fit into 32 bits and Long is not set.
func (w *Writer) Mvhd(h *MovieHeader) {
	box := gomp4.Mvhd{Timescale: h.Timescale, Rate: 0x00010000, Volume: 0x0100, Matrix: unity, NextTrackID: h.NextTrackID}
	if h.Long || is64(h.CreatedSeconds, h.DurationTicks) {
		box.Version = 1
		box.CreationTimeV1, box.ModificationTimeV1, box.DurationV1 = h.CreatedSeconds, h.CreatedSeconds, h.DurationTicks
	} else {
		box.CreationTimeV0, box.ModificationTimeV0, box.DurationV0 = uint32(h.CreatedSeconds), uint32(h.CreatedSeconds), uint32(h.DurationTicks)
	}
	w.mvhd(&box)
}

// unity is the transformation matrix that changes nothing (ISO/IEC 14496-12, 6.2.2).
var unity = [9]int32{0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000}

// is64 reports whether one of the times needs 64 bits, and so version 1 of its box.
func is64(times ...uint64) bool {
	for _, t := range times {
		if t > math.MaxUint32 {
			return true
		}
	}
	return false
}

// Trex holds the fields of a trex: the defaults for the samples of a track in all fragments
// (ISO/IEC 14496-12, 8.8.3).
type Trex struct {
	TrackID     uint32
	Description uint32 // default_sample_description_index, from 1
	SampleDefaults
}

// ReadTrex reads the payload of a trex. whole is false if the box is cut.
func ReadTrex(payload []byte) (t Trex, whole bool) {
	f := NewFields(payload)
	f.Skip(4)
	t.TrackID, t.Description = f.U32(), f.U32()
	t.SampleDefaults = SampleDefaults{DurationTicks: f.U32(), SizeBytes: f.U32(), Flags: f.U32()}
	return t, !f.Short()
}

// Trex appends a trex.
func (w *Writer) Trex(t *Trex) {
	w.trex(&gomp4.Trex{
		TrackID: t.TrackID, DefaultSampleDescriptionIndex: t.Description,
		DefaultSampleDuration: t.DurationTicks, DefaultSampleSize: t.SizeBytes, DefaultSampleFlags: t.Flags,
	})
}

// MehdBytes is the size of a mehd box of version 1.
const MehdBytes = 20

// MehdBody appends the payload of a mehd of version 1, without a header: the duration of a
// fragmented movie, in ticks of the movie (ISO/IEC 14496-12, 8.8.2).
func (w *Writer) MehdBody(ticks uint64) {
	w.U32(1 << 24) // version 1
	w.U64(ticks)
}
