package mp4

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// run holds the samples of one track in a fragment.
type run struct {
	track *track
	cols  media.Columns
}

// fragment holds one chunk as the file has it: a moof and its mdat (ISO/IEC 14496-12, 8.8).
type fragment struct {
	runs []run       // tracks with samples, in the file's order
	seq  uint32      // sequence_number of mfhd
	lead int         // index in runs of the run that carries the wall clock
	utc  int64       // UTC of the first sample in the run lead
	at   int64       // offset of the fragment in the file
	bare bool        // has no prft: the first fragment of a fragmented file, since a sidx must refer to a moof
	seed uint32      // seed of the checksum: see seedOf
	gaps []media.Gap // gaps of the chunk
}

// writeHead appends all bytes of the fragment before its payload. They include the seal, a checksum
// of these bytes and the payload:
//
//	prft                     the wall clock of the fragment's first sample
//	moof
//	  mfhd
//	  traf (tfhd tfdt trun [sbgp])*
//	  uuid                   the gaps of the chunk, if any
//	  uuid                   padding, CRC32C of the whole fragment except these 4 bytes
//	mdat                     header
func (f *fragment) writeHead(w *isobmff.Writer) {
	if !f.bare {
		lead := &f.runs[f.lead]
		w.Prft(isobmff.Prft{TrackID: lead.track.id, UTC: f.utc, MediaTicks: uint64(lead.cols.DTS[0] + lead.track.shiftTicks)})
	}
	moof := w.Open("moof")
	w.Mfhd(f.seq)
	payload := 0
	var offsets [8]int
	patches := offsets[:0]
	for i := range f.runs {
		r := &f.runs[i]
		patches = append(patches, w.Traf(&isobmff.Traf{
			TrackID: r.track.id, Default: isobmff.DefaultFlags(r.track.kind), Columns: &r.cols, ShiftTicks: r.track.shiftTicks, Roll: r.track.roll != 0,
		}))
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

// prft returns the size of the prft before the moof in bytes; 0 if the fragment has none.
func (f *fragment) prft() int64 {
	if f.bare {
		return 0
	}
	return isobmff.PrftBytes
}
