package cmaf

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Part is one fragment of a stream: about 200 ms of all its tracks. It is read-only. The receiver of a part owns one
// reference, and ends it with Release.
type Part struct {
	Init          *Init
	Number        uint64 // consecutive in the life of a packager; a later packager of the stream has higher numbers
	Segment       uint64 // number of its segment, likewise
	Index         int    // in its segment, from 0
	First         bool   // the first part of its segment
	BeginsGOP     bool   // it begins with a key frame of the lead track
	Independent   bool   // it has such a key frame
	Discontinuous bool   // the first part of another publisher, of other tracks, or behind skipped units
	// Discontinuities is the number of discontinuous parts before this one.
	Discontinuities int
	StartUTC        int64 // wall clock of the first unit of the lead track, ns
	DurationNS      int64 // of the lead track
	Units           int   // access units
	LeadUnits       int   // those of the lead track
	SizeBytes       int   // of the whole fragment

	joinedMu sync.Mutex // guards the two fields below
	joined   []byte     // see Bytes; nil: not made, or no longer kept
	old      bool       // joined is not kept

	runs   []Run  // of its segment up to the end of the part; nil: the window lists nothing of the past
	head   []byte // boxes up to the payload
	body   [][]byte
	chunks []*media.Chunk // hold the body; the part owns a reference to each
	refs   atomic.Int32
}

// Slices appends the slices that hold the bytes of the part, in order, to dst. They are valid until Release.
func (p *Part) Slices(dst [][]byte) [][]byte { return append(append(dst, p.head), p.body...) }

// Bytes returns the bytes of the part in one piece, which all clients of the newest parts share. They stay valid.
func (p *Part) Bytes() []byte {
	p.joinedMu.Lock()
	defer p.joinedMu.Unlock()
	if p.joined != nil {
		return p.joined
	}
	joined := bytes.Join(p.Slices(nil), nil)
	if !p.old {
		p.joined = joined
	}
	return joined
}

// age makes the part keep no copy of its bytes: few clients will still read it.
func (p *Part) age() {
	p.joinedMu.Lock()
	defer p.joinedMu.Unlock()
	p.joined, p.old = nil, true
}

// Retain adds a reference, and returns the part.
func (p *Part) Retain() *Part {
	p.refs.Add(1)
	return p
}

// Release ends one reference. The last one releases the chunks.
func (p *Part) Release() {
	switch n := p.refs.Add(-1); {
	case n == 0:
		for _, c := range p.chunks {
			c.Release()
		}
		p.chunks, p.body = nil, nil
	case n < 0:
		panic("cmaf: part released twice")
	}
}

// ReleaseAll releases parts.
func ReleaseAll(parts []*Part) {
	for _, p := range parts {
		p.Release()
	}
}

// run collects the samples of one track of a part.
type run struct {
	cols  media.Columns // without payload
	bytes int
	body  [][]byte
	// of the newest unit of the track in any part
	lastTicks, deltaTicks int64
	begun                 bool
}

func (r *run) reset() {
	c := &r.cols
	c.DTS, c.OffsetTicks, c.SizeBytes, c.Flags = c.DTS[:0], c.OffsetTicks[:0], c.SizeBytes[:0], c.Flags[:0]
	clear(r.body)
	r.body, r.bytes = r.body[:0], 0
}

// end sets the end of the run's last sample: the codec's duration of a frame, or else that of the sample before.
func (r *run) end(t *media.Track) {
	n := r.cols.Len()
	if n == 0 {
		return
	}
	delta := int64(t.FrameDurationTicks)
	if delta == 0 {
		delta = r.deltaTicks
	}
	if delta <= 0 {
		delta = max(int64(t.Timescale)/25, 1)
	}
	r.cols.EndTicks = r.cols.DTS[n-1] + delta
}

// headBytes is room for the head of a usual part.
const headBytes = 512

// assemble writes the head of the part, and takes over the bodies of the runs.
func (p *Part) assemble(runs []run, shifts []int64) {
	startUTC := int64(0)
	if p.First && runs[p.Init.lead].cols.Len() > 0 {
		startUTC = p.StartUTC
	}
	p.head, p.SizeBytes = headOf(p.Init, p.Number, runs, shifts, startUTC, p.Units)
	slices := 0
	for i := range runs {
		slices += len(runs[i].body)
	}
	p.body = make([][]byte, 0, slices)
	for i := range runs {
		p.body = append(p.body, runs[i].body...)
	}
	p.SizeBytes += len(p.head)
}

// headOf returns the boxes up to the payload of a fragment with a number, and the size of the payload. With startUTC, the wall clock of
// the lead track's first sample, the fragment begins with a prft.
func headOf(init *Init, number uint64, runs []run, shifts []int64, startUTC int64, units int) (head []byte, payloadBytes int) {
	w := isobmff.Writer{B: make([]byte, 0, headBytes+16*units)}
	if lead := &runs[init.lead]; startUTC != 0 {
		w.Prft(isobmff.Prft{TrackID: init.tracks[init.lead].id, UTC: startUTC, MediaTicks: uint64(lead.cols.DTS[0] + shifts[init.lead])})
	}
	moof := w.Open("moof")
	w.Mfhd(uint32(number)) // the low bits: only the order matters
	var offsets [8]int
	at := offsets[:0]
	for i := range runs {
		if r, t := &runs[i], &init.tracks[i]; r.cols.Len() > 0 {
			at = append(at, w.Traf(&isobmff.Traf{TrackID: t.id, Default: t.flags, Columns: &r.cols, ShiftTicks: shifts[i], Roll: t.roll != 0}))
		}
	}
	w.Close(moof)
	data := len(w.B) - moof + 8
	for i := range runs {
		if r := &runs[i]; r.cols.Len() > 0 {
			w.Patch(at[0], uint32(data))
			at = at[1:]
			data += r.bytes
			payloadBytes += r.bytes
		}
	}
	w.Header("mdat", uint32(8+payloadBytes))
	return w.B, payloadBytes
}
