package movie

import (
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// compose makes the sheet of the file:
//
//	ftyp
//	moov
//	  mvhd
//	  trak*   tkhd, edts, mdia{ mdhd, hdlr, minf{ .., stbl{ stsd, the tables } } }
//	mdat      with a size of 64 bits
func (m *Movie) compose() error {
	s := &m.sheet
	ftyp := s.begin("ftyp")
	s.AppendString("isom\x00\x00\x02\x00isomiso6mp41mp42")
	s.end(ftyp)
	moov := s.begin("moov")
	scale := m.timescale()
	s.Mvhd(&isobmff.MovieHeader{
		CreatedSeconds: m.createdSeconds(), Timescale: scale,
		DurationTicks: uint64(media.FromNanos(m.DurationNS, scale)), NextTrackID: uint32(len(m.tracks) + 2),
	})
	for i := range m.tracks {
		m.trak(i)
	}
	if m.clock != nil {
		m.clockTrak()
	}
	s.end(moov)
	m.mdat()
	if m.SizeBytes = s.sizeBytes(); s.Err() != nil {
		return s.Err()
	}
	for i := range m.tracks {
		if m.tracks[i].samples() > math.MaxUint32 {
			return fmt.Errorf("the span has more than %d samples of a track: ask for a shorter one", uint32(math.MaxUint32))
		}
	}
	return nil
}

// createdSeconds returns the wall clock of the movie's begin, in seconds of the movie's clock.
func (m *Movie) createdSeconds() uint64 {
	first := &m.sources[0]
	return isobmff.ToMovieTime(first.zeroUTC - media.ToNanos(first.origin, m.timescale()))
}

// trak appends the trak of a track.
func (m *Movie) trak(i int) {
	s, t := &m.sheet, &m.tracks[i]
	last := &t.parts[len(t.parts)-1]
	n := m.openTrak(s, i, uint64(media.Rescale(t.endTicks, t.timescale, m.timescale())), uint64(t.out(last, last.lastDTS)+last.lastTicks-t.originTicks), m.edits(t))
	m.stbl(i)
	n.end(s)
}

// head appends the trak of a track whose samples are in fragments.
func (m *Movie) head(s *sheet, i int, edit isobmff.Edit) {
	n := m.openTrak(s, i, 0, 0, []isobmff.Edit{edit})
	stbl := s.begin("stbl")
	m.tracks[i].stsd(s)
	s.NoSamples()
	if roll := m.tracks[i].roll; roll != 0 {
		s.RollDescription(roll)
	}
	s.end(stbl)
	n.end(s)
}

// opened holds the boxes of an open trak, the outermost first.
type opened [3]nested

func (o opened) end(s *sheet) {
	for i := len(o) - 1; i >= 0; i-- {
		s.end(o[i])
	}
}

// openTrak appends the trak of a track up to its stbl. movieTicks is the duration of the track in the movie, mediaTicks that of its samples.
func (m *Movie) openTrak(s *sheet, i int, movieTicks, mediaTicks uint64, edits []isobmff.Edit) (o opened) {
	t, created := &m.tracks[i], m.createdSeconds()
	o[0] = s.begin("trak")
	head := isobmff.TrackHeader{CreatedSeconds: created, ID: t.id, Volume: t.volume, Width: t.width, Height: t.height, DurationTicks: movieTicks}
	if t.kind == media.Audio {
		head.AlternateGroup = 1
	}
	s.Tkhd(&head)
	edts := s.begin("edts")
	s.Elst(edits)
	s.end(edts)
	if lead := m.lead(); t.kind == media.Metadata && lead != i {
		s.Describes(m.tracks[lead].id)
	}
	o[1] = s.begin("mdia")
	s.Mdhd(&isobmff.MediaHeader{CreatedSeconds: created, Timescale: t.timescale, Language: t.language, DurationTicks: mediaTicks})
	_, name := isobmff.HandlerOf(t.kind)
	o[2] = nested{s.OpenMinf(t.handler.String(), name), s.madeBytes}
	return o
}

// edits returns the edit list of a track (ISO/IEC 14496-12, 8.6.6). The track is presented from the movie's begin, or later
// after an empty edit, until its end.
func (m *Movie) edits(t *track) (list []isobmff.Edit) {
	scale := m.timescale()
	start := media.Rescale(t.startTicks, t.timescale, scale)
	if start > 0 {
		list = append(list, isobmff.Edit{DurationTicks: uint64(start), MediaTicks: -1})
	}
	return append(list, isobmff.Edit{
		DurationTicks: uint64(max(media.Rescale(t.endTicks, t.timescale, scale)-start, 0)),
		MediaTicks:    max(t.startTicks-t.originTicks, 0),
	})
}

// stsd appends the sample entries of a track.
func (t *track) stsd(s *sheet) {
	stsd := s.table("stsd", 0, uint32(len(t.entries)))
	for _, entry := range t.entries {
		s.Append(entry)
	}
	s.end(stsd)
}

// stbl appends the descriptions and the tables of a track. Each table has a piece for each part.
func (m *Movie) stbl(i int) {
	s, t := &m.sheet, &m.tracks[i]
	stbl := s.begin("stbl")
	t.stsd(s)
	var sums counts
	for k := range t.parts {
		p := &t.parts[k]
		sums.durations += t.durations(p)
		sums.offsets += t.offsets(p)
		sums.syncs += p.syncs
		sums.stretches += p.stretches
		sums.negative, sums.shifted = sums.negative || p.negative, sums.shifted || p.shifted
	}
	samples := t.samples()
	stts := s.table("stts", 0, uint32(sums.durations))
	m.pieces(i, durations, func(p *part) int64 { return 8 * t.durations(p) })
	s.end(stts)
	if sums.shifted {
		version := uint8(0)
		if sums.negative {
			version = 1
		}
		ctts := s.table("ctts", version, uint32(sums.offsets))
		m.pieces(i, offsets, func(p *part) int64 { return 8 * t.offsets(p) })
		s.end(ctts)
	}
	if sums.syncs < samples {
		stss := s.table("stss", 0, uint32(sums.syncs))
		m.pieces(i, syncs, func(p *part) int64 { return 4 * p.syncs })
		s.end(stss)
	}
	stsz := s.table("stsz", 0, 0, uint32(samples))
	m.pieces(i, sizes, func(p *part) int64 { return 4 * p.samples() })
	s.end(stsz)
	stsc := s.table("stsc", 0, uint32(sums.stretches))
	m.pieces(i, spans, func(p *part) int64 { return 12 * p.stretches })
	s.end(stsc)
	co64 := s.table("co64", 0, uint32(sums.stretches))
	m.pieces(i, places, func(p *part) int64 { return 8 * p.stretches })
	s.end(co64)
	if t.roll != 0 {
		s.RollDescription(t.roll)
		s.RollSamples(uint32(samples))
	}
	s.end(stbl)
}

// pieces appends a piece of a table for each part of a track.
func (m *Movie) pieces(track int, kind content, size func(*part) int64) {
	for k := range m.tracks[track].parts {
		m.sheet.piece(piece{track: track, part: k, result: kind, size: size(&m.tracks[track].parts[k])})
	}
}

// durations returns the number of entries of a part in stts. The last sample, whose duration the layout has set, has an
// entry of its own, and so has each sample whose times are converted.
func (t *track) durations(p *part) int64 {
	if t.scaled(p) {
		return p.samples()
	}
	return p.counts.durations + 1
}

// offsets returns the number of entries of a part in ctts.
func (t *track) offsets(p *part) int64 {
	if t.scaled(p) {
		return p.samples()
	}
	return p.counts.offsets
}

// mdat appends the mdat: for each source its bytes, or the samples of its parts, one track after another.
func (m *Movie) mdat() {
	s := &m.sheet
	header, before := len(s.B), s.madeBytes
	s.LargeHeader("mdat", 0)
	for k := range m.sources {
		from := &m.sources[k]
		if from.toByte > 0 {
			s.piece(piece{part: k, result: clipBytes, size: from.toByte - from.fromByte})
			from.mediaAt = s.pieces[len(s.pieces)-1].at
			continue
		}
		for _, p := range m.placedIn(k) {
			s.piece(piece{track: int(p.of.id - 1), part: p.index, result: partBytes, size: p.bytes})
			p.mediaAt = s.pieces[len(s.pieces)-1].at
		}
	}
	if m.clock != nil {
		m.clockMedia()
	}
	size := int64(len(s.B)-header) + s.madeBytes - before
	var w isobmff.Writer
	w.LargeHeader("mdat", size)
	copy(s.B[header:], w.B)
}
