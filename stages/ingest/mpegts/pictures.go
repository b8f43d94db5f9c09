package mpegts

import (
	"bytes"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// nalUnits makes units of a byte stream of NAL units (ITU-T H.264 and H.265, annex B). The times of a PES packet begin to
// apply with the first NAL unit that begins in it: what comes before is the rest of a NAL unit of the PES packet before.
type nalUnits struct {
	e     *elementary
	u     *ingest.Unit // nil: none yet
	times times        // of the PES packet, until a NAL unit begins in it; else not known
	in    bool         // a NAL unit is open
	zeros int          // zero bytes behind the data of the open NAL unit, which may belong to a start code
	torn  bool         // data is missing before the next NAL unit
}

func newNALUnits(e *elementary) payload { return &nalUnits{e: e} }

func (n *nalUnits) begin(t times) {
	if t.known {
		n.times = t
	}
}

var startCode = []byte{0, 0, 1}

func (n *nalUnits) add(b []byte) {
	for len(b) > 0 {
		lead := 0
		for lead < len(b) && b[lead] == 0 {
			lead++
		}
		if lead == len(b) {
			n.zeros += lead
			break
		}
		if b[lead] == 1 && n.zeros+lead >= 2 {
			n.start()
			b = b[lead+1:]
			continue
		}
		n.data(zeros(n.zeros))
		n.zeros = 0
		end := bytes.Index(b[lead:], startCode)
		if end < 0 {
			end = len(b)
		} else {
			end += lead
		}
		data := bytes.TrimRight(b[:end], "\x00")
		n.data(data)
		if b = b[len(data):]; end == len(b)+len(data) {
			n.zeros = len(b)
			break
		}
	}
	if n.u != nil {
		n.e.grown(n.u)
	}
}

var zeroBytes [64]byte

// zeros returns n zero bytes, or at most some: more of them are no part of a NAL unit.
func zeros(n int) []byte { return zeroBytes[:min(n, len(zeroBytes))] }

// data takes data of the open NAL unit.
func (n *nalUnits) data(b []byte) {
	if n.in {
		n.u.Add(b...)
	}
}

// start begins a NAL unit.
func (n *nalUnits) start() {
	n.end()
	if n.times.known {
		n.pass()
		n.u = n.e.unit()
		n.u.PTS, n.u.DTS = n.times.pts, n.times.dts
		n.times.known = false
		if n.torn {
			n.u.Hurt()
			n.torn = false
		}
	}
	if n.u != nil { // else no time has come
		n.in = true
		n.u.Begin()
	}
}

// end ends the open NAL unit.
func (n *nalUnits) end() {
	if n.in {
		n.u.End()
	}
	n.in, n.zeros = false, 0
}

func (n *nalUnits) lost() {
	n.in, n.zeros = false, 0
	if n.u == nil {
		n.torn = true
		return
	}
	n.e.track.MissingBefore(1, media.DropTSLoss)
	n.u.Interrupt()
}

// pass passes the unit on.
func (n *nalUnits) pass() {
	if u := n.u; u != nil {
		n.u = nil
		n.e.pass(u)
	}
}

func (n *nalUnits) flush() {
	if n.in && !n.e.ended() {
		n.in = false
		n.u.Interrupt()
	}
	n.end()
	n.pass()
}

// wholeUnits makes a unit of the data from one time to the next, for codecs without NAL units.
type wholeUnits struct {
	e *elementary
	u *ingest.Unit // nil: none yet
	// torn is set if data of the unit is missing: further data is left out.
	torn bool
}

func newWholeUnits(e *elementary) payload { return &wholeUnits{e: e} }

func (w *wholeUnits) begin(t times) {
	if !t.known {
		return
	}
	w.pass()
	w.u, w.torn = w.e.unit(), false
	w.u.PTS, w.u.DTS = t.pts, t.dts
	w.u.Begin()
}

func (w *wholeUnits) add(b []byte) {
	if w.u != nil && !w.torn {
		w.u.Add(b...)
		w.e.grown(w.u)
	}
}

func (w *wholeUnits) lost() {
	w.e.track.MissingBefore(1, media.DropTSLoss)
	if w.u != nil {
		w.u.Interrupt()
		w.torn = true
	}
}

func (w *wholeUnits) flush() {
	if w.u != nil && w.u.Open() && !w.e.ended() {
		w.u.Interrupt()
	}
	w.pass()
}

// pass passes the unit on.
func (w *wholeUnits) pass() {
	if u := w.u; u != nil {
		w.u = nil
		if u.Open() {
			u.End()
		}
		w.e.pass(u)
	}
}
