package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// maxTracks is more than any recorder writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64

// maxMoov and maxMoof bound what a scan reads into memory at once.
const (
	maxMoov = 1 << 30
	maxMoof = 64 << 20
)

var errMoof = errors.New("moof is not one of ours")

// parseTracks reads the tracks out of a growing moov's payload.
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
		if tracks[i].info.Kind == media.Audio.String() {
			tracks[i].kind = media.Audio
		} else {
			tracks[i].kind = media.Video
		}
	}
	return tracks, nil
}

func parseTrak(trak []byte) (t track, err error) {
	tkhd, mdhd, stbl := isobmff.Find(trak, "tkhd"), isobmff.Find(trak, "mdia", "mdhd"), isobmff.Find(trak, "mdia", "minf", "stbl")
	stsd := isobmff.Find(stbl, "stsd")
	idAt, scaleAt, languageAt := 12, 12, 20
	if len(tkhd) > 0 && tkhd[0] == 1 {
		idAt = 20
	}
	if len(mdhd) > 0 && mdhd[0] == 1 {
		scaleAt, languageAt = 20, 32
	}
	if len(tkhd) < idAt+4+8 || len(mdhd) < languageAt+2 || stsd == nil {
		return t, errors.New("moov has an incomplete trak")
	}
	t.id = binary.BigEndian.Uint32(tkhd[idAt:])
	t.width = binary.BigEndian.Uint32(tkhd[len(tkhd)-8:])
	t.height = binary.BigEndian.Uint32(tkhd[len(tkhd)-4:])
	t.timescale = binary.BigEndian.Uint32(mdhd[scaleAt:])
	if t.timescale == 0 {
		return t, fmt.Errorf("track %d: timescale is 0", t.id)
	}
	language := binary.BigEndian.Uint16(mdhd[languageAt:])
	t.language = string([]byte{byte(language>>10&31) + 0x60, byte(language>>5&31) + 0x60, byte(language&31) + 0x60})
	var w isobmff.Writer
	at := w.Open("stsd")
	w.B = append(w.B, stsd...)
	w.Close(at)
	t.stsd, t.roll = w.B, rollDistance(isobmff.Find(stbl, "sgpd"))
	if elst := isobmff.Find(trak, "edts", "elst"); len(elst) >= 28 && elst[0] == 1 {
		t.mediaTime = int64(binary.BigEndian.Uint64(elst[16:]))
		if t.mediaTime < 0 || t.mediaTime > math.MaxInt32 {
			return t, fmt.Errorf("track %d: edit list begins at %d", t.id, t.mediaTime)
		}
	}
	return t, nil
}

// rollDistance reads what writeRollDescription wrote; 0 where nothing was.
func rollDistance(sgpd []byte) int16 {
	if len(sgpd) < 18 || string(sgpd[4:8]) != "roll" {
		return 0
	}
	return int16(binary.BigEndian.Uint16(sgpd[16:]))
}

// parseFragment reads [prft] moof, the inverse of writeHead, into g. The
// columns of each run are used again from one fragment to the next. payload is
// the size of the mdat's payload.
func (f *file) parseFragment(g *fragment, head []byte, payload int64) error {
	g.runs, g.lead, g.utc, g.bare = g.runs[:0], 0, f.entry.identity.StartUTC, true
	g.gaps = nil
	var wall uint32 // the track of prft
	next := int64(-1)
	moofAt := 0
	boxes := isobmff.Walk(head)
	for boxes.Next() {
		switch box := boxes.Payload; {
		case boxes.Is("prft") && moofAt == 0 && next < 0:
			if len(box) >= prftBytes-8 {
				wall = binary.BigEndian.Uint32(box[4:])
				g.utc, g.bare = fromNTP(binary.BigEndian.Uint64(box[8:])), false
			}
			moofAt = 8 + len(box)
		case boxes.Is("moof") && next < 0:
			next = int64(8 + len(box) + 8) // where the payload begins, from the moof
			if err := f.parseMoof(g, box, &next); err != nil {
				return err
			}
		default: // offsets are counted from moof: nothing else may stand beside it
			return errMoof
		}
	}
	moof := int64(len(head) - moofAt)
	if !boxes.Whole() || next < 0 || len(g.runs) == 0 || next-moof-8 != payload {
		return errMoof
	}
	for i := range g.runs {
		if g.runs[i].track.id == wall {
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
			if len(box) < 8 {
				return errMoof
			}
			g.seq = binary.BigEndian.Uint32(box[4:])
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

// parseTraf reads one traf. next is where its payload must begin, from the
// moof, and is moved behind it.
func (f *file) parseTraf(g *fragment, traf []byte, next *int64) error {
	tfhd, tfdt, trun := isobmff.Find(traf, "tfhd"), isobmff.Find(traf, "tfdt"), isobmff.Find(traf, "trun")
	if len(tfhd) < 8 || len(tfdt) < 12 || tfdt[0] != 1 || len(trun) < 12 {
		return errMoof
	}
	var t *track
	for i := range f.tracks {
		if f.tracks[i].id == binary.BigEndian.Uint32(tfhd[4:]) {
			t = &f.tracks[i]
		}
	}
	for i := range g.runs {
		if g.runs[i].track == t {
			return errMoof // its columns are taken
		}
	}
	base := binary.BigEndian.Uint64(tfdt[4:])
	if t == nil || base > math.MaxInt64/4 {
		return errMoof
	}
	d := trunDefaults{flags: t.defaultFlags()}
	if !d.read(tfhd) {
		return errMoof
	}
	g.runs = append(g.runs, run{track: t, cols: t.scratch})
	r := &g.runs[len(g.runs)-1]
	if !r.readTrun(trun, d, int64(base), *next) {
		return errMoof
	}
	*next += sizes(&r.cols)
	t.scratch = r.cols
	return nil
}

// trunDefaults is what a tfhd says of every sample of its trun.
type trunDefaults struct{ duration, flags uint32 }

func (d *trunDefaults) read(tfhd []byte) bool {
	flags, rest := binary.BigEndian.Uint32(tfhd)&0xffffff, tfhd[8:]
	for _, field := range [...]struct {
		flag uint32
		into *uint32
	}{{tfhdDuration, &d.duration}, {tfhdFlags, &d.flags}} {
		if flags&field.flag == 0 {
			continue
		}
		if len(rest) < 4 {
			return false
		}
		*field.into, rest = binary.BigEndian.Uint32(rest), rest[4:]
	}
	return flags&^(tfhdDuration|tfhdFlags|tfhdBaseIsMoof) == 0 && len(rest) == 0
}

// readTrun reads the samples of a trun into the run's columns.
func (r *run) readTrun(trun []byte, d trunDefaults, dts, offset int64) bool {
	flags := binary.BigEndian.Uint32(trun) & 0xffffff
	n := int(binary.BigEndian.Uint32(trun[4:]))
	rest := trun[8:]
	if flags&trunDataOffset == 0 || int64(int32(binary.BigEndian.Uint32(rest))) != offset {
		return false
	}
	rest = rest[4:]
	first := d.flags
	if flags&trunFirstFlags != 0 {
		if len(rest) < 4 {
			return false
		}
		first, rest = binary.BigEndian.Uint32(rest), rest[4:]
	}
	width := 0
	for _, f := range [...]uint32{trunDuration, trunSize, trunFlags, trunCompositionTO} {
		if flags&f != 0 {
			width += 4
		}
	}
	if flags&trunSize == 0 || n <= 0 || n > len(rest)/width || n*width != len(rest) {
		return false
	}
	c := &r.cols
	*c = media.Columns{DTS: c.DTS[:0], Offset: c.Offset[:0], Size: c.Size[:0], Flags: c.Flags[:0]}
	field := func() uint32 {
		v := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		return v
	}
	for i := range n {
		duration, sample, composition := d.duration, d.flags, int32(0)
		if i == 0 {
			sample = first
		}
		if flags&trunDuration != 0 {
			duration = field()
		}
		size := field()
		if flags&trunFlags != 0 {
			sample = field()
		}
		if flags&trunCompositionTO != 0 {
			composition = int32(field())
		}
		var sync uint8
		if sample&0x00010000 == 0 {
			sync = media.FlagSync
		}
		c.DTS, c.Offset = append(c.DTS, dts), append(c.Offset, composition)
		c.Size, c.Flags = append(c.Size, size), append(c.Flags, sync)
		dts += int64(duration)
	}
	c.End = dts
	return true
}
