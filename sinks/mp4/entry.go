package mp4

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// entryUUID is the extended type of the box that carries a file's catalogue entry.
const entryUUID = "\x8f\x3a\x5e\x60\x1d\xc7\x4e\x0b\xa2\x94\x6b\x71\xe5\x0d\x2c\x01"

// entry is a file's catalogue entry: a uuid box in the growing and in the final moov with the
// properties of the recording, so that the catalogue can be rebuilt from the disk alone. The
// box, with offsets and sizes in bytes:
//
//	 0  size, "uuid", entryUUID               24 bytes
//	24  version 1                              1
//	25  protected: 0 or 1                      1   one byte: it can be changed in
//	26  reserved                               2   place at any time
//	28  outcome                               56   rewritten when the file is finished
//	      state: 0 growing, 1 finished, 2 recovered  1
//	      length of the end reason                 1
//	      end reason, zero-padded                 30
//	      UTC of the end, ns                       8
//	      duration, ns                             8
//	      reserved                                 4
//	      CRC32C of the 52 bytes before            4
//	84  length of the identity                 4
//	88  CRC32C of the identity                 4
//	92  identity, JSON                         n
//	    the events; see events.go
//	    gaps and anchors; see gaps.go
//	    zeros, so that the moov's size is a multiple of 8
type entry struct {
	protected       bool
	outcome         outcome
	identity        identityJSON
	events          []media.Event
	eventsRoomBytes int // room for the list of events
	eventsAt        int // offset of the events in the box; 0: the box has no room for events

	gaps          []media.Gap // gaps inside the recording
	anchors       media.Anchors
	gapsRoomBytes int // room for gaps and anchors
	gapsAt        int // offset of the gaps in the box; 0: the box has no room for gaps
}

const (
	entryFixedBytes  = 92
	entryProtectedAt = 25
	entryOutcomeAt   = 28
	outcomeBytes     = 56
	maxReasonBytes   = 30
	maxEntryBytes    = 1 << 20 // limit, when read, of the identity, of the events, and of gaps with anchors
)

// identityJSON holds the properties of a recording that are known when its file is begun and
// never change.
type identityJSON struct {
	ID            string      `json:"id"`
	Stream        string      `json:"stream"`
	Pipeline      string      `json:"pipeline"`
	Index         uint64      `json:"index"`
	StartUTC      int64       `json:"start_utc_ns"`
	GapCause      media.Cause `json:"gap_cause,omitempty"`
	GapDurationNS int64       `json:"gap_ns,omitempty"`
	GapChunks     int         `json:"gap_chunks,omitempty"`
	GapStepNS     int64       `json:"gap_step_ns,omitempty"`
	Speed         uint32      `json:"speed,omitempty"`    // of a time-lapse: media plays so many times faster; 0: no time-lapse
	FlushNS       int64       `json:"flush_ns,omitempty"` // flush interval: media that a crash loses from memory; 0: unknown
	Tracks        []trackJSON `json:"tracks"`
}

// trackJSON holds the ID of a track and the properties that its trak lacks or spreads over
// several boxes.
type trackJSON struct {
	ID uint32 `json:"track"`
	media.TrackInfo
}

// outcome holds the properties of a recording that are known only when its file is finished. In
// a growing file its state is media.StateRecording.
type outcome struct {
	state      media.State
	reason     media.Cause
	endUTC     int64
	durationNS int64
}

var states = [...]media.State{media.StateRecording, media.StateFinished, media.StateRecovered}

func (o *outcome) encode() (b [outcomeBytes]byte) {
	for i, s := range states {
		if s == o.state {
			b[0] = byte(i)
		}
	}
	b[1] = byte(copy(b[2:2+maxReasonBytes], o.reason))
	binary.BigEndian.PutUint64(b[32:], uint64(o.endUTC))
	binary.BigEndian.PutUint64(b[40:], uint64(o.durationNS))
	binary.BigEndian.PutUint32(b[52:], crc32.Checksum(b[:52], castagnoli))
	return b
}

// decodeOutcome decodes an outcome. It returns the outcome of a growing file for damaged bytes:
// the outcome is rewritten in place when the file is finished, and a power cut may tear it.
func decodeOutcome(b []byte) outcome {
	if binary.BigEndian.Uint32(b[52:]) != crc32.Checksum(b[:52], castagnoli) ||
		int(b[0]) >= len(states) || b[1] > maxReasonBytes {
		return outcome{state: media.StateRecording}
	}
	return outcome{
		state:      states[b[0]],
		reason:     media.Cause(b[2 : 2+b[1]]),
		endUTC:     int64(binary.BigEndian.Uint64(b[32:])),
		durationNS: int64(binary.BigEndian.Uint64(b[40:])),
	}
}

func newEntry(s *media.Segment) entry {
	e := entry{outcome: outcome{state: media.StateRecording}, events: s.Events[:media.Namable(s.Events)], eventsRoomBytes: eventsRoomBytes, gapsRoomBytes: gapsRoomBytes}
	for i := range s.Events {
		e.protected = e.protected || s.Events[i].Protect
	}
	e.identity = identityJSON{
		ID: s.ID.String(), Stream: s.Stream, Pipeline: s.Pipeline, Index: s.Index, StartUTC: s.StartUTC,
		GapCause: s.Gap.Cause, GapDurationNS: s.Gap.DurationNS, GapChunks: s.Gap.Chunks, GapStepNS: s.Gap.StepNS, Speed: s.Set.Speed,
	}
	for i, info := range s.Set.Info() {
		e.identity.Tracks = append(e.identity.Tracks, trackJSON{uint32(i + 1), info})
	}
	return e
}

// write appends the box of the entry, which must be the last box in the moov. moov is the offset of
// the moov in w: write pads the box so that the moov's size is a multiple of 8.
func (e *entry) write(w *isobmff.Writer, moov int) {
	identity, err := json.Marshal(e.identity)
	if err != nil {
		w.Fail(fmt.Errorf("entry: %w", err))
	}
	at := w.OpenUUID(entryUUID)
	w.U8(1)
	protected := uint8(0)
	if e.protected {
		protected = 1
	}
	w.U8(protected)
	w.U16(0)
	o := e.outcome.encode()
	w.B = append(w.B, o[:]...)
	w.U32(uint32(len(identity)))
	w.U32(crc32.Checksum(identity, castagnoli))
	w.B = append(w.B, identity...)
	e.writeEvents(w, at)
	e.writeGaps(w, at)
	for (len(w.B)-moov)%8 != 0 {
		w.U8(0)
	}
	w.Close(at)
}

// ErrNotOurs reports that a file is not an MP4 file with a catalogue entry, and so not one of spool.
var ErrNotOurs = errors.New("the file carries no catalogue entry of spool")

// findEntry reads the entry from a moov's payload and returns the offset of its box in the
// payload. It returns ErrNotOurs if the moov has no entry.
func findEntry(moov []byte) (e entry, at int, err error) {
	at = -1
	for boxes := isobmff.Walk(moov); at < 0 && boxes.Next(); {
		if boxes.IsUUID(entryUUID) {
			at = boxes.At
		}
	}
	if at < 0 {
		return e, at, ErrNotOurs
	}
	box := moov[at:]
	size := int(binary.BigEndian.Uint32(box))
	if size < entryFixedBytes || size > len(box) || box[24] != 1 {
		return e, at, fmt.Errorf("entry: version %d, %d bytes: made by a later version, or damaged", box[24], size)
	}
	box = box[:size]
	n := int(binary.BigEndian.Uint32(box[84:]))
	if n < 0 || n > size-entryFixedBytes || n > maxEntryBytes {
		return e, at, fmt.Errorf("entry: identity of %d bytes in a box of %d", n, size)
	}
	identity := box[entryFixedBytes : entryFixedBytes+n]
	if crc32.Checksum(identity, castagnoli) != binary.BigEndian.Uint32(box[88:]) {
		return e, at, errors.New("entry: identity does not match its checksum")
	}
	if err := json.Unmarshal(identity, &e.identity); err != nil {
		return e, at, fmt.Errorf("entry: identity: %w", err)
	}
	e.readGaps(box, e.readEvents(box, entryFixedBytes+n))
	e.protected = box[entryProtectedAt] == 1
	e.outcome = decodeOutcome(box[entryOutcomeAt:])
	return e, at, nil
}

// recording converts the entry to a media.Recording with the given path and file size in bytes.
func (e *entry) recording(path string, size int64) (media.Recording, error) {
	id, err := media.ParseID(e.identity.ID)
	if err != nil {
		return media.Recording{}, fmt.Errorf("entry: %w", err)
	}
	r := media.Recording{
		ID: id, Stream: e.identity.Stream, Pipeline: e.identity.Pipeline,
		Path: path, State: e.outcome.state,
		StartUTC: e.identity.StartUTC, EndUTC: e.outcome.endUTC, DurationNS: e.outcome.durationNS,
		SizeBytes: size, EndReason: e.outcome.reason, Protected: e.protected, Events: e.events,
		Gaps: slices.Clone(e.gaps), Anchors: slices.Clone(e.anchors),
		Gap: media.Gap{Cause: e.identity.GapCause, DurationNS: e.identity.GapDurationNS, Chunks: e.identity.GapChunks, StepNS: e.identity.GapStepNS},
	}
	for _, t := range e.identity.Tracks {
		r.Tracks = append(r.Tracks, t.TrackInfo)
	}
	return r, nil
}

// outcomeAs returns the file's outcome for a state and an end reason, with its present duration.
func (f *file) outcomeAs(state media.State, reason media.Cause) outcome {
	d := f.durationNS()
	return outcome{state: state, reason: reason, endUTC: f.entry.endAfter(d), durationNS: d}
}

// endAfter returns the EndUTC of a recording with the given duration of media in ns: StartUTC plus
// the duration, which is multiplied by the speed of a time-lapse. The result does not depend on the
// wall clock, which may be set, or drift from the sender's clock, while the file grows.
func (e *entry) endAfter(duration int64) int64 {
	return e.identity.StartUTC + duration*int64(max(e.identity.Speed, 1))
}

// Limits of mendEnd. Earlier versions of spool took the end of a recording from the wall clock,
// and did not store the speed of a time-lapse.
const (
	endSlackNS = int64(time.Second) // plausible drift of a sender's clock, in addition to 1/100 of the duration
	oddestPace = 100_000            // highest plausible speed of a time-lapse
)

// mendEnd corrects EndUTC in the entry of an earlier version of spool, if the wall clock was set
// while the file grew. If neither the drift of the sender's clock nor the speed of a time-lapse
// explains EndUTC, mendEnd replaces it by the result of endAfter. lapse reports that the file
// may be a time-lapse.
func (e *entry) mendEnd(lapse bool) {
	o := &e.outcome
	end := e.endAfter(o.durationNS)
	off := o.endUTC - end
	span := o.endUTC - e.identity.StartUTC
	switch {
	case -endSlackNS-o.durationNS/100 <= off && off <= endSlackNS+o.durationNS/100:
	case lapse && e.identity.Speed == 0 && off > 0 && span/oddestPace < o.durationNS:
	default:
		o.endUTC = end
	}
}

// mayBeLapse reports whether the file of a final moov may be a time-lapse: whether its only track
// is video, and all of the samples are sync samples.
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
