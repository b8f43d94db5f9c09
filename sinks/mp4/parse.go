package mp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// maxTracks limits the tracks of a file that is read, and so the work for each of its fragments.
// No recorder writes that many.
const maxTracks = 64

var errMoof = errors.New("the moof was not written by spool")

// parseTracks reads the tracks from the payload of a growing moov. It returns an error unless the
// entry lists the same tracks.
func parseTracks(moov []byte, e *entry) ([]track, error) {
	var tracks []track
	boxes := isobmff.Walk(moov)
	for boxes.Next() {
		if !boxes.Is("trak") {
			continue
		}
		t, err := parseTrak(boxes.Payload)
		if err != nil {
			return nil, err
		}
		if tracks = append(tracks, t); len(tracks) > maxTracks {
			return nil, fmt.Errorf("moov has more than %d tracks", maxTracks)
		}
	}
	if !boxes.Whole() || len(tracks) == 0 || len(tracks) != len(e.identity.Tracks) {
		return nil, fmt.Errorf("moov has %d tracks, its entry %d", len(tracks), len(e.identity.Tracks))
	}
	for i := range tracks {
		if e.identity.Tracks[i].ID != tracks[i].id {
			return nil, fmt.Errorf("moov has track %d, its entry %d", tracks[i].id, e.identity.Tracks[i].ID)
		}
		tracks[i].info = e.identity.Tracks[i].TrackInfo
		if tracks[i].kind = media.KindNamed(tracks[i].info.Kind); tracks[i].kind == 0 {
			return nil, fmt.Errorf("track %d of the kind %q", tracks[i].id, tracks[i].info.Kind)
		}
	}
	return tracks, nil
}

func parseTrak(trak []byte) (t track, err error) {
	tkhd, whole := isobmff.ReadTkhd(isobmff.Find(trak, "tkhd"))
	mdhd, described := isobmff.ReadMdhd(isobmff.Find(trak, "mdia", "mdhd"))
	stbl := isobmff.Find(trak, "mdia", "minf", "stbl")
	stsd := isobmff.Find(stbl, "stsd")
	if !whole || !described || stsd == nil {
		return t, errors.New("moov has an incomplete trak")
	}
	t.id, t.width, t.height = tkhd.ID, tkhd.Width, tkhd.Height
	if t.timescale, t.language = mdhd.Timescale, mdhd.Language; t.timescale == 0 {
		return t, fmt.Errorf("track %d: timescale is 0", t.id)
	}
	var w isobmff.Writer
	w.Box("stsd", stsd)
	t.stsd, t.roll = w.B, isobmff.ReadRollDescription(isobmff.Find(stbl, "sgpd"))
	edits := isobmff.ReadElst(isobmff.Find(trak, "edts", "elst"))
	if edit, ok := edits.Next(); ok {
		if t.mediaTimeTicks = edit.MediaTicks; t.mediaTimeTicks < 0 || t.mediaTimeTicks > math.MaxInt32 {
			return t, fmt.Errorf("track %d: edit list begins at %d", t.id, t.mediaTimeTicks)
		}
	}
	return t, nil
}

// parseFragment reads the boxes that writeHead wrote, prft and moof, from head into g. payload is
// the size of the mdat's payload in bytes. The runs are valid until the next call.
func (f *file) parseFragment(g *fragment, head []byte, payload int64) error {
	g.runs, g.lead, g.utc, g.bare = g.runs[:0], 0, f.entry.identity.StartUTC, true
	g.gaps = nil
	var wall isobmff.Prft
	next := int64(-1)
	moofAt := 0
	boxes := isobmff.Walk(head)
	for boxes.Next() {
		switch box := boxes.Payload; {
		case boxes.Is("prft") && moofAt == 0 && next < 0:
			if p, whole := isobmff.ReadPrft(box); whole {
				wall, g.utc, g.bare = p, p.UTC, false
			}
			moofAt = 8 + len(box)
		case boxes.Is("moof") && next < 0:
			next = int64(8 + len(box) + 8) // offset of the payload from the moof
			if err := f.parseMoof(g, box, &next); err != nil {
				return err
			}
		default: // spool writes no other box, and the offset of the payload would be wrong with one
			return errMoof
		}
	}
	moof := int64(len(head) - moofAt)
	if !boxes.Whole() || next < 0 || len(g.runs) == 0 || next-moof-8 != payload {
		return errMoof
	}
	for i := range g.runs {
		if g.runs[i].track.id == wall.TrackID {
			g.lead = i
		}
	}
	return nil
}

func (f *file) parseMoof(g *fragment, moof []byte, next *int64) error {
	boxes := isobmff.Walk(moof)
	for boxes.Next() {
		switch box := boxes.Payload; {
		case boxes.Is("mfhd"):
			number, whole := isobmff.ReadMfhd(box)
			if !whole {
				return errMoof
			}
			g.seq = number
		case boxes.Is("traf"):
			if err := f.parseTraf(g, box, next); err != nil {
				return err
			}
		case boxes.Is("uuid"):
			g.readGaps(box)
		}
	}
	if !boxes.Whole() {
		return errMoof
	}
	return nil
}

// parseTraf reads one traf and appends its samples to g.runs. next is the offset, from the start
// of the moof, at which these samples must begin; parseTraf advances it to their end.
func (f *file) parseTraf(g *fragment, traf []byte, next *int64) error {
	tfhd := isobmff.Find(traf, "tfhd")
	h, whole := isobmff.ReadTfhd(tfhd)
	const ours = isobmff.TfhdDuration | isobmff.TfhdFlags | isobmff.TfhdBaseIsMoof
	if !whole || h.Flags&^ours != 0 || len(tfhd) != h.Bytes() {
		return errMoof
	}
	ticks, version, whole := isobmff.ReadTfdt(isobmff.Find(traf, "tfdt"))
	if !whole || version != 1 || ticks > math.MaxInt64/4 {
		return errMoof
	}
	var t *track
	for i := range f.tracks {
		if f.tracks[i].id == h.TrackID {
			t = &f.tracks[i]
		}
	}
	for i := range g.runs {
		if g.runs[i].track == t {
			return errMoof // a second traf of the track
		}
	}
	if t == nil {
		return errMoof
	}
	trun, whole := isobmff.ReadTrun(isobmff.Find(traf, "trun"))
	const needed = isobmff.TrunDataOffset | isobmff.TrunSize
	if !whole || trun.Flags&needed != needed || int64(trun.DataOffset) != *next || trun.Count == 0 || !trun.Exact() {
		return errMoof
	}
	c := &t.scratch
	*c = media.Columns{DTS: c.DTS[:0], OffsetTicks: c.OffsetTicks[:0], SizeBytes: c.SizeBytes[:0], Flags: c.Flags[:0]}
	defaults := h.Over(isobmff.SampleDefaults{Flags: isobmff.DefaultFlags(t.kind)})
	trun.AppendTo(c, &defaults, int64(ticks))
	g.runs = append(g.runs, run{track: t, cols: *c})
	*next += sizes(c)
	return nil
}
