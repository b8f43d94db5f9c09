package mp4

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// A file ends, by the wall clock, its duration after its start: a clock that is set
// or that runs away from the sender's while the file grows changes nothing of it.

// outcomeAs is the file's outcome, with all that is in it.
func (f *file) outcomeAs(state media.State, reason media.Cause) outcome {
	d := f.duration()
	return outcome{state: state, reason: reason, endUTC: f.entry.endAfter(d), duration: d}
}

// endAfter is the end of a file of so much media, ns UTC.
func (e *entry) endAfter(duration int64) int64 {
	return e.identity.StartUTC + duration*int64(max(e.identity.Speed, 1))
}

// Earlier versions followed the wall clock up to the end of a file, and did not say
// how fast a time-lapse runs.
const (
	endSlack   = 1_000_000_000 // ns, and a hundredth: what a sender's clock may have been off
	oddestPace = 100_000       // of a time-lapse
)

// mendEnd puts the end right that an earlier version wrote while the clock was set.
// lapse tells that the file may be a time-lapse.
func (e *entry) mendEnd(lapse bool) {
	o := &e.outcome
	end := e.endAfter(o.duration)
	off := o.endUTC - end
	span := o.endUTC - e.identity.StartUTC
	switch {
	case -endSlack-o.duration/100 <= off && off <= endSlack+o.duration/100:
	case lapse && e.identity.Speed == 0 && off > 0 && span/oddestPace < o.duration:
	default:
		o.endUTC = end
	}
}

// mayBeLapse tells whether a final moov could be that of a time-lapse: pictures
// alone, each of which stands alone.
func mayBeLapse(moov []byte) bool {
	tracks, synced := 0, true
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if boxes.Is("trak") {
			tracks++
			minf := isobmff.Find(boxes.Payload, "mdia", "minf")
			synced = synced && isobmff.Find(minf, "vmhd") != nil && isobmff.Find(minf, "stbl", "stss") == nil
		}
	}
	return tracks == 1 && synced
}
