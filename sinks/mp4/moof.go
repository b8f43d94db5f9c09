package mp4

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// run is what one track adds to a fragment.
type run struct {
	track *track
	cols  media.Columns
}

// fragment is one chunk on its way into the file.
type fragment struct {
	runs []run // tracks with samples, in the file's order
	seq  uint32
	lead int   // index in runs of the track that carries the wall clock
	utc  int64 // ns, of that track's first sample
	at   int64 // where it begins in the file
	bare bool  // without prft: the first of a fragmented file, since a sidx must lead to a moof
	seed uint32
	gaps []media.Gap // of the chunk
}

// writeHead appends what stands before the payloads of a fragment:
//
//	prft                     the wall clock of the fragment's first sample
//	moof
//	  mfhd
//	  traf (tfhd tfdt trun [sbgp])*
//	  uuid                   what is missing in the chunk, where something is
//	  uuid                   padding, CRC32C of all of the fragment but these 4 bytes
//	mdat                     header
//
// and fills in the CRC.
func (f *fragment) writeHead(w *isobmff.Writer) {
	if !f.bare {
		f.writePrft(w)
	}
	moof := w.Open("moof")
	at := w.OpenFull("mfhd", 0, 0)
	w.U32(f.seq)
	w.Close(at)
	payload := 0
	var offsets [8]int
	patches := offsets[:0]
	for i := range f.runs {
		patches = append(patches, f.runs[i].writeTraf(w))
		payload += f.runs[i].cols.Payload.Len()
	}
	f.writeGaps(w)
	crcAt := f.openSeal(w)
	w.Close(moof)
	data := len(w.B) - moof + 8
	for i := range f.runs {
		w.Patch(patches[i], uint32(data))
		data += f.runs[i].cols.Payload.Len()
	}
	w.Header("mdat", uint32(8+payload))
	w.Patch(crcAt, f.checksum(w.B, crcAt))
}

// prftBytes is the size of a version 1 prft.
const prftBytes = 32

// prft is how many bytes of the fragment stand before its moof.
func (f *fragment) prft() int64 {
	if f.bare {
		return 0
	}
	return prftBytes
}

// writePrft appends a producer reference time (ISO/IEC 14496-12, 8.16.5).
func (f *fragment) writePrft(w *isobmff.Writer) {
	r := &f.runs[f.lead]
	at := w.OpenFull("prft", 1, 0)
	w.U32(r.track.id)
	w.U64(toNTP(f.utc))
	w.U64(uint64(r.cols.DTS[0] + r.track.shift))
	w.Close(at)
}

// Seconds from 1900 to 1970, and from 1904 to 1970.
const (
	ntpEpoch = 2208988800
	macEpoch = 2082844800
)

// toNTP makes an NTP timestamp, 32.32 seconds since 1900 that wrap in 2036.
func toNTP(utc int64) uint64 {
	sec, ns := utc/1e9, utc%1e9
	if ns < 0 {
		sec, ns = sec-1, ns+1e9
	}
	return uint64(sec+ntpEpoch)<<32 | (uint64(ns)<<32+5e8)/1e9
}

// fromNTP is its inverse between 1968 and 2104.
func fromNTP(t uint64) int64 {
	sec := int64(t >> 32)
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return (sec-ntpEpoch)*1e9 + int64((t&0xffffffff*1e9+1<<31)>>32)
}

// tfhd and trun flags (ISO/IEC 14496-12, 8.8.7 and 8.8.8).
const (
	tfhdDuration      = 0x000008
	tfhdFlags         = 0x000020
	tfhdBaseIsMoof    = 0x020000
	trunDataOffset    = 0x000001
	trunFirstFlags    = 0x000004
	trunDuration      = 0x000100
	trunSize          = 0x000200
	trunFlags         = 0x000400
	trunCompositionTO = 0x000800
)

// shape is what the samples of a run have in common and need not repeat.
type shape struct {
	duration uint32 // of every sample, where not each has its own
	tfhd     uint32
	trun     uint32
	flags    uint32 // default of the run, or of its first sample
}

func (r *run) shape() shape {
	c := &r.cols
	s := shape{tfhd: tfhdBaseIsMoof, trun: trunDataOffset | trunSize}
	first := c.Duration(0)
	var offsets int32
	sync, even := 0, true
	for i := range c.DTS {
		even = even && c.Duration(i) == first
		offsets |= c.Offset[i]
		if c.Flags[i]&media.FlagSync != 0 {
			sync++
		}
	}
	if even {
		s.tfhd |= tfhdDuration
		s.duration = uint32(first)
	} else {
		s.trun |= trunDuration
	}
	if offsets != 0 {
		s.trun |= trunCompositionTO
	}
	leads := c.Flags[0]&media.FlagSync != 0
	want := 0 // sync samples by the track's default
	if r.track.defaultFlags() == flagsSync {
		want = c.Len()
	}
	switch {
	case sync == want:
	case sync == c.Len():
		s.tfhd |= tfhdFlags
		s.flags = flagsSync
	case sync == 1 && leads && want == 0:
		s.trun |= trunFirstFlags
		s.flags = flagsSync
	default:
		s.trun |= trunFlags
	}
	return s
}

// writeTraf appends a traf and returns where its data offset goes.
func (r *run) writeTraf(w *isobmff.Writer) (patch int) {
	c, s := &r.cols, r.shape()
	traf := w.Open("traf")
	at := w.OpenFull("tfhd", 0, s.tfhd)
	w.U32(r.track.id)
	if s.tfhd&tfhdDuration != 0 {
		w.U32(s.duration)
	}
	if s.tfhd&tfhdFlags != 0 {
		w.U32(s.flags)
	}
	w.Close(at)
	at = w.OpenFull("tfdt", 1, 0)
	w.U64(uint64(c.DTS[0] + r.track.shift))
	w.Close(at)
	at = w.OpenFull("trun", 1, s.trun)
	w.U32(uint32(c.Len()))
	patch = len(w.B)
	w.U32(0)
	if s.trun&trunFirstFlags != 0 {
		w.U32(s.flags)
	}
	r.writeSamples(w, s.trun)
	w.Close(at)
	if r.track.roll != 0 {
		writeRollSamples(w, uint32(c.Len()))
	}
	w.Close(traf)
	return patch
}

func (r *run) writeSamples(w *isobmff.Writer, trun uint32) {
	c, b := &r.cols, w.B
	for i, size := range c.Size {
		if trun&trunDuration != 0 {
			b = binary.BigEndian.AppendUint32(b, uint32(c.Duration(i)))
		}
		b = binary.BigEndian.AppendUint32(b, size)
		if trun&trunFlags != 0 {
			flags := uint32(flagsNonSync)
			if c.Flags[i]&media.FlagSync != 0 {
				flags = flagsSync
			}
			b = binary.BigEndian.AppendUint32(b, flags)
		}
		if trun&trunCompositionTO != 0 {
			b = binary.BigEndian.AppendUint32(b, uint32(c.Offset[i]))
		}
	}
	w.B = b
}
