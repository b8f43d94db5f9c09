package mp4

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The gaps inside a recording, and the anchors of its media in the wall clock, follow the events
// in the box of the file's catalogue entry:
//
//	0  "gaps"                      4
//	4  room for the text, bytes    4
//	8  length of the text          4
//	12 CRC32C of the text          4
//	16 the text, JSON: gapsJSON
//
// The text is written when the file is finished: as part of the final moov, or else in place, in
// the room that the growing moov has. Until then each moof has the gaps of its chunk, in a uuid
// box before the checksum: recovery reads them there, and the anchors from the prft boxes. Other
// programs skip these boxes. A text that does not match its checksum counts as empty.
const (
	gapsMark       = "gaps"
	gapsFixedBytes = 16
	gapsRoomBytes  = 4 << 10 // room in a growing file: some forty gaps, and the anchors of three weeks
	maxGapsBytes   = 8 << 10 // largest text in a finished file

	// gapsUUID is the extended type of the box with the gaps of a chunk in its moof.
	gapsUUID = "\x1b\x6e\xd2\x45\x90\x3c\x47\xa8\xb1\x5f\x08\xe3\x77\x2a\xc6\x04"
)

// gapsJSON is the text with the gaps and anchors of a recording, or with the gaps of a chunk in its
// moof. Times are ns relative to the start_utc_ns of the recording, and in a moof relative to the
// UTC of the chunk.
type gapsJSON struct {
	Gaps    []gapJSON  `json:"gaps,omitempty"`
	Anchors [][2]int64 `json:"anchors,omitempty"` // each: media time, and the time of the wall clock less media time
}

type gapJSON struct {
	Cause      media.Cause `json:"cause"`
	StartNS    int64       `json:"at"`
	DurationNS int64       `json:"ns,omitempty"`
	Track      int         `json:"track,omitempty"`
	Units      int         `json:"units,omitempty"`
	Bytes      int64       `json:"bytes,omitempty"`
	Chunks     int         `json:"chunks,omitempty"`
	Places     int         `json:"places,omitempty"`  // media.Gap.Places less 1
	MissingNS  int64       `json:"missing,omitempty"` // media.Gap.MissingNS
	Next       bool        `json:"next,omitempty"`    // media.Gap.Next; in a moof only
}

func encodeGaps(list []media.Gap, anchors media.Anchors, from int64) []byte {
	var text gapsJSON
	for _, g := range list {
		text.Gaps = append(text.Gaps, gapJSON{
			Cause: g.Cause, StartNS: g.StartUTC - from, DurationNS: g.DurationNS, Track: g.Track,
			Units: g.AccessUnits, Bytes: g.Bytes, Chunks: g.Chunks, Places: max(g.Places-1, 0), MissingNS: g.MissingNS, Next: g.Next,
		})
	}
	for _, a := range anchors {
		text.Anchors = append(text.Anchors, [2]int64{a.MediaNS, a.UTC - from - a.MediaNS})
	}
	b, _ := json.Marshal(text) // numbers and strings always encode
	return b
}

// encodeGapsWithin encodes gaps and anchors in at most limit bytes. If they are longer, it folds
// the last gaps into one and leaves out the least significant anchors; it returns nil if that
// does not suffice. from is the UTC to which the times become relative.
func encodeGapsWithin(limit int, list []media.Gap, anchors media.Anchors, from int64) []byte {
	b := encodeGaps(list, anchors, from)
	for len(b) > limit && (len(list) > 1 || len(anchors) > 2) {
		if n := len(anchors); n > 2 && n >= len(list)/2 {
			anchors = anchors.Thin(n * 3 / 4)
		} else {
			list = media.FoldGaps(list, len(list)*3/4)
		}
		b = encodeGaps(list, anchors, from)
	}
	if len(b) > limit {
		return nil
	}
	return b
}

func decodeGaps(b []byte, from int64) (list []media.Gap, anchors media.Anchors) {
	var text gapsJSON
	if json.Unmarshal(b, &text) != nil {
		return nil, nil
	}
	for _, g := range text.Gaps[:min(len(text.Gaps), media.MaxGaps)] {
		list = append(list, media.Gap{
			Cause: g.Cause, StartUTC: from + g.StartNS, DurationNS: max(g.DurationNS, 0), Track: g.Track,
			AccessUnits: g.Units, Bytes: g.Bytes, Chunks: g.Chunks, Places: max(g.Places, 0) + 1, MissingNS: max(g.MissingNS, 0), Next: g.Next,
		})
	}
	for _, a := range text.Anchors[:min(len(text.Anchors), media.MaxAnchors)] {
		anchors = append(anchors, media.Anchor{MediaNS: a[0], UTC: from + a[0] + a[1]})
	}
	if !anchors.WellFormed() {
		anchors = nil
	}
	return list, anchors
}

// writeGaps appends the gaps and anchors with the room for later ones. box is the offset of the
// entry's box in w.
func (e *entry) writeGaps(w *isobmff.Writer, box int) {
	list := e.encodeGaps(maxGapsBytes)
	room := max(e.gapsRoomBytes, len(list))
	if room == 0 {
		return
	}
	e.gapsAt = len(w.B) - box
	w.B = append(w.B, gapsMark...)
	w.U32(uint32(room))
	w.B = append(w.B, encodedList(list)...)
	w.B = append(w.B, make([]byte, room-len(list))...)
}

func (e *entry) encodeGaps(limit int) []byte {
	if len(e.gaps) == 0 && len(e.anchors) == 0 {
		return nil
	}
	return encodeGapsWithin(limit, e.gaps, e.anchors, e.identity.StartUTC)
}

// readGaps reads the gaps and anchors into e from offset at of the entry's box. It does nothing
// if the box has none at that offset, and reads none if their checksum does not match.
func (e *entry) readGaps(box []byte, at int) {
	if at <= 0 || at+gapsFixedBytes > len(box) || string(box[at:at+4]) != gapsMark {
		return
	}
	room, n := binary.BigEndian.Uint32(box[at+4:]), binary.BigEndian.Uint32(box[at+8:])
	rest := box[at+gapsFixedBytes:]
	if uint64(room) > uint64(len(rest)) || n > room || n > maxEntryBytes {
		return
	}
	e.gapsAt, e.gapsRoomBytes = at, int(room)
	if text := rest[:n]; crc32.Checksum(text, castagnoli) == binary.BigEndian.Uint32(box[at+12:]) {
		e.gaps, e.anchors = decodeGaps(text, e.identity.StartUTC)
	}
}

// fillGaps writes gaps and anchors into the entry of the growing moov, in place. If the entry
// has too little room for them, it folds the last gaps into one and leaves out anchors
// (encodeGapsWithin).
func (f *file) fillGaps() error {
	e := &f.entry
	if e.gapsAt == 0 { // a file of an earlier version has no room for gaps
		return nil
	}
	text := encodedList(e.encodeGaps(e.gapsRoomBytes))
	f.filledBytes = int64(len(text))
	return f.writeAt(text, f.lay.entryAt+int64(e.gapsAt)+eventsLengthAt)
}

// writeGaps appends the uuid box with the chunk's gaps to the open moof, if there are gaps.
func (f *fragment) writeGaps(w *isobmff.Writer) {
	if len(f.gaps) == 0 {
		return
	}
	at := w.Open("uuid")
	w.B = append(w.B, gapsUUID...)
	w.B = append(w.B, encodeGaps(f.gaps, nil, f.utc)...)
	w.Close(at)
}

// readGaps reads the chunk's gaps from the payload of a uuid box in the moof. It ignores a uuid
// box of another extended type.
func (f *fragment) readGaps(box []byte) {
	if len(box) > 16 && string(box[:16]) == gapsUUID && len(f.gaps) == 0 {
		f.gaps, _ = decodeGaps(box[16:], f.utc)
	}
}

// collect copies the gaps of a chunk into the fragment.
func (g *fragment) collect(c *media.Chunk) { g.gaps = append(g.gaps[:0], c.Gaps...) }

// noteDropped adds a gap to g.gaps for the first units access units in c, which track.admit
// dropped. track is the index of the track, from 0.
func (g *fragment) noteDropped(track int, c *media.Columns, units int) {
	if units == 0 {
		return
	}
	gap := media.Gap{Cause: "time_not_advancing", StartUTC: g.utc, Track: track + 1, AccessUnits: units}
	for _, size := range c.SizeBytes[:units] {
		gap.Bytes += int64(size)
	}
	g.gaps = media.JoinGap(g.gaps, gap)
}

// noteGaps adds the gaps of the fragment g to f.gaps, and the wall-clock time of its lead track
// to f.anchoring. timed reports that the fragment has samples of the lead track; at is then the
// presentation time of the first of these samples in the file, in ticks.
func (f *file) noteGaps(g *fragment, at int64, timed bool) {
	for _, gap := range g.gaps {
		if f.within(&gap) {
			f.gaps = media.JoinGap(f.gaps, gap)
		}
	}
	if timed {
		f.anchoring.See(media.ToNanos(at, f.tracks[f.lead].timescale), g.utc, int64(f.entry.identity.Speed))
	}
}

// within shortens a gap that begins before the file to the time within the file, if another gap
// already reports the time before. That is the Gap of the segment or, for a track other than the
// lead track, a gap at the end of the previous file. It returns false if nothing is left of g.
// It does not change any other gap, and returns true.
func (f *file) within(g *media.Gap) bool {
	id := &f.entry.identity
	before := id.StartUTC - g.StartUTC
	other := g.Track != 0 && g.Track != f.lead+1
	if before <= 0 || id.GapDurationNS == 0 && !(other && before > absentNS) {
		return true
	}
	*g = g.From(id.StartUTC)
	return g.DurationNS > 0
}

// conclude sets the outcome, the anchors and the gaps in f.entry as they are at the present end
// of the file. It writes nothing to the file.
func (f *file) conclude(state media.State, reason media.Cause) {
	e := &f.entry
	endMetadata(f.tracks)
	e.outcome = f.outcomeAs(state, reason)
	e.anchors = f.anchoring.Anchors(e.outcome.durationNS, int64(e.identity.Speed))
	e.gaps = f.gapsWithin(e.anchors.At(e.outcome.durationNS))
	for i := range f.tracks {
		f.noteAbsence(i)
	}
}

// gapsWithin returns the gaps of a file that ends at end, in UTC. If f.gapBehind is set, it leaves
// out the gaps that the Gap of the next segment reports (media.Gap.Next). A long gap of a track
// other than the lead track ends with the file: the next file reports the rest.
func (f *file) gapsWithin(end int64) (list []media.Gap) {
	for _, g := range f.gaps {
		if g.Next && f.gapBehind {
			continue
		}
		if g.Track != 0 && g.Track != f.lead+1 && g.EndUTC()-end > absentNS && g.StartUTC < end {
			g.DurationNS = end - g.StartUTC
		}
		g.Next = false
		list = append(list, g)
	}
	return list
}

// reportedLaterNS returns the duration of the gaps that are marked as Next (media.Gap.Next),
// which the Gap of the next segment reports instead of this file. If no segment follows at once
// (f.gapBehind), this file reports them itself, and the result is their negative duration.
func (f *file) reportedLaterNS() (ns int64) {
	for i := range f.gaps {
		if f.gaps[i].Next {
			ns += f.gaps[i].Missing()
		}
	}
	if !f.gapBehind {
		return -ns
	}
	return ns
}

// A track without samples at the start or the end of the file counts as stalled there if that
// lasts longer than absentNS and than absentTimes of its usual sample durations.
const (
	absentNS    = int64(time.Second)
	absentTimes = 5
)

// noteAbsence records a gap in the entry where the i-th track has no samples at the start or the
// end of the file. It records none where the entry already has a gap for the track, nor at the
// end of the lead track if the Gap of the next segment reports it. Metadata beside other tracks may
// be silent.
func (f *file) noteAbsence(i int) {
	t, e := &f.tracks[i], &f.entry
	if t.kind == media.Metadata && i != f.lead {
		return
	}
	total := e.outcome.durationNS
	begin, end, usual := total, total, int64(0)
	if n := int64(t.table.Count); n > 0 {
		begin = media.ToNanos(max(t.presentedTicks(), 0), t.timescale)
		end = media.ToNanos(t.presentedTicks()+t.table.ShownTicks(), t.timescale)
		usual = media.ToNanos(t.table.DurationTicks()/n, t.timescale)
	}
	note := func(from, to int64) {
		start, end := unlisted(e.gaps, i+1, e.anchors.At(from), e.anchors.At(to))
		if end-start <= max(absentNS, absentTimes*usual) {
			return
		}
		e.gaps = media.JoinGap(e.gaps, media.Gap{Cause: media.GapStall, StartUTC: start, DurationNS: end - start, Track: i + 1})
	}
	note(0, begin)
	if i != f.lead || !f.gapBehind {
		note(end, total)
	}
}

// unlisted returns the interval from start to end, in UTC, without the parts at its two ends that
// gaps in the list cover. It ignores gaps of other tracks than track, a number from 1.
func unlisted(list []media.Gap, track int, start, end int64) (int64, int64) {
	for i := range list {
		g := &list[i]
		if g.Cause == media.GapFurther || g.Track != 0 && g.Track != track {
			continue
		}
		if g.StartUTC <= start+listedNS && g.EndUTC() > start {
			start = g.EndUTC()
		}
		if g.EndUTC() >= end-listedNS && g.StartUTC < end {
			end = g.StartUTC
		}
	}
	return start, end
}

// listedNS is the tolerance of unlisted: a listed gap and the same gap in the sample tables may
// differ by the duration of an audio access unit and the rounding of ticks.
const listedNS = int64(100 * time.Millisecond)

// cutOut adds a gap to f.gaps for damaged chunks that recovery leaves out of the file. The
// fragment that was read last (f.frag) is the first whole one behind these chunks.
func (f *file) cutOut(chunks []extent) {
	g := media.Gap{Cause: media.GapDamaged, StartUTC: f.entry.identity.StartUTC, Chunks: len(chunks)}
	if f.units > 0 {
		g.StartUTC = f.endUTC
	}
	g.DurationNS = max(f.frag.utc-g.StartUTC, 0)
	for _, c := range chunks {
		g.Bytes += c.bytes
	}
	f.gaps = media.JoinGap(f.gaps, g)
}
