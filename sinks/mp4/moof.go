package mp4

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// run holds the samples that one track adds to a fragment.
type run struct {
	track *track
	cols  media.Columns
}

// fragment is one chunk in the form in which it is written to the file.
type fragment struct {
	runs []run // tracks with samples, in the file's order
	seq  uint32
	lead int   // index in runs of the track that carries the wall clock
	utc  int64 // UTC ns, of that track's first sample
	at   int64 // offset in the file
	bare bool  // without prft: the first fragment of a fragmented file, since a sidx must refer to a moof
	seed uint32
	gaps []media.Gap // of the chunk
}

// writeHead appends the boxes before the payloads of a fragment, and fills in the CRC:
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
			TrackID: r.track.id, Default: r.track.defaultFlags(), Columns: &r.cols, ShiftTicks: r.track.shiftTicks, Roll: r.track.roll != 0,
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

// prft returns the number of bytes of the fragment before its moof.
func (f *fragment) prft() int64 {
	if f.bare {
		return 0
	}
	return isobmff.PrftBytes
}
