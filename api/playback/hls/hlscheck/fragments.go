package hlscheck

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// movie is an initialisation segment.
type movie struct {
	tracks []description
}

// description is a track of an initialisation segment.
type description struct {
	id        uint32
	timescale uint32
	handler   isobmff.FourCC
	entry     []byte // payload of the stsd
	shift     int64  // media_time of the edit list, ticks
	defaults  isobmff.SampleDefaults
}

func (d *description) time(ticks int64) time.Duration {
	return time.Duration(media.ToNanos(ticks, d.timescale))
}

// init fetches and checks an initialisation segment, once.
func (c *checker) init(s *Segment) (*movie, error) {
	if known, ok := c.inits[s.Init.String()]; ok {
		return known, nil
	}
	body, _, err := c.get(s.Init, s.InitAt, s.InitBytes)
	if err != nil {
		return nil, err
	}
	m := &movie{}
	moov := isobmff.Find(body, "moov")
	boxes := isobmff.Walk(body)
	for boxes.Next() {
		if boxes.Is("moof") || boxes.Is("mdat") {
			c.fault(s.line, "the initialisation segment has media")
		}
	}
	if !boxes.Whole() || isobmff.Find(body, "ftyp") == nil || moov == nil || isobmff.Find(moov, "mvex") == nil {
		c.fault(s.line, "the initialisation segment needs ftyp, moov and mvex")
	}
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if boxes.Is("trak") {
			m.tracks = append(m.tracks, c.describe(s, boxes.Payload))
		}
	}
	if m.lead() == nil {
		return nil, fmt.Errorf("%s: the initialisation segment %s has no track of pictures or sound", c.name, s.Init)
	}
	for boxes := isobmff.Walk(isobmff.Find(moov, "mvex")); boxes.Next(); {
		if trex, whole := isobmff.ReadTrex(boxes.Payload); boxes.Is("trex") && whole {
			if d := m.track(trex.TrackID); d != nil {
				d.defaults = trex.SampleDefaults
			}
		}
	}
	c.inits[s.Init.String()] = m
	return m, nil
}

func (c *checker) describe(s *Segment, trak []byte) (d description) {
	tkhd, _ := isobmff.ReadTkhd(isobmff.Find(trak, "tkhd"))
	mdhd, whole := isobmff.ReadMdhd(isobmff.Find(trak, "mdia", "mdhd"))
	handler, is := isobmff.ReadHdlr(isobmff.Find(trak, "mdia", "hdlr"))
	d = description{id: tkhd.ID, timescale: mdhd.Timescale, handler: handler, entry: isobmff.Find(trak, "mdia", "minf", "stbl", "stsd")}
	if !whole || !is || mdhd.Timescale == 0 || d.entry == nil {
		c.fault(s.line, "track %d of the initialisation segment is not described", d.id)
		d.timescale = 1
	}
	if sizes, _ := isobmff.ReadStsz(isobmff.Find(trak, "mdia", "minf", "stbl", "stsz")); sizes.Count > 0 {
		c.fault(s.line, "track %d of the initialisation segment has samples", d.id)
	}
	edits := isobmff.ReadElst(isobmff.Find(trak, "edts", "elst"))
	if edit, ok := edits.Next(); ok {
		d.shift = max(edit.MediaTicks, 0)
	}
	return d
}

func (m *movie) track(id uint32) *description {
	for i := range m.tracks {
		if m.tracks[i].id == id {
			return &m.tracks[i]
		}
	}
	return nil
}

// lead returns the track that gives the segments their times.
func (m *movie) lead() *description {
	for _, handler := range []string{"vide", "soun"} {
		for i := range m.tracks {
			if m.tracks[i].handler.Is(handler) {
				return &m.tracks[i]
			}
		}
	}
	return nil
}

// same reports whether two initialisation segments describe the same tracks.
func (m *movie) same(o *movie) bool {
	if len(m.tracks) != len(o.tracks) {
		return false
	}
	for i := range m.tracks {
		a, b := &m.tracks[i], &o.tracks[i]
		if a.id != b.id || a.timescale != b.timescale || a.shift != b.shift || !bytes.Equal(a.entry, b.entry) {
			return false
		}
	}
	return true
}

// played is what a segment holds of one track. Times are of the movie.
type played struct {
	begun            bool
	firstDTS, endDTS time.Duration
	start            time.Duration // presentation of the first sample
	least, end       time.Duration // least presentation time, and greatest end
	longest          time.Duration
	keyFirst         bool
	keyWhole         bool // the first sample is a sync sample, whose bytes are in the range
}

// segments fetches and checks the media of all segments.
func (c *checker) segments(m *Media) error {
	var before *Segment
	var film *movie
	var last map[uint32]*played
	lasts := func(*played) {} // checks the segment before; its argument is the first track of the segment behind it, or nil
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Gap || s.Init == nil {
			lasts(nil)
			lasts = func(*played) {}
			continue
		}
		f, err := c.init(s)
		if err != nil {
			return err
		}
		body, header, err := c.get(s.URL, s.At, s.SizeBytes)
		if err != nil {
			return err
		}
		if t := header.Get("Content-Type"); t != "video/mp4" && t != "video/iso.segment" && t != "audio/mp4" {
			c.fault(s.line, "the Content-Type of the segment is %q", t)
		}
		now := c.samples(m, s, f, body)
		c.kind(m, s, f)
		if !m.KeyFrames {
			if lead := now[f.lead().id]; s.Discontinuity {
				lasts(nil)
			} else {
				lasts(lead)
			}
			lasts = func(next *played) { c.lasts(m, i, f, now, int64(len(body)), next) }
		}
		if before != nil && !s.Discontinuity && !m.KeyFrames {
			c.continues(s, film, f, last, now, m.Segments[i-1].Gap)
		}
		before, film, last = s, f, now
	}
	lasts(nil)
	return nil
}

// samples reads the fragments of a segment, and checks that they lie in its range.
func (c *checker) samples(m *Media, s *Segment, f *movie, body []byte) map[uint32]*played {
	out := map[uint32]*played{}
	boxes, moofs := isobmff.Walk(body), 0
	for boxes.Next() {
		switch {
		case boxes.Is("moof"):
			moofs++
			c.fragment(m, s, f, boxes.Payload, boxes.At, body, out)
		case moofs == 0 && boxes.Is("mdat"):
			c.fault(s.line, "the segment has an mdat before its moof")
		}
	}
	if m.KeyFrames {
		if moofs == 0 {
			c.fault(s.line, "the range of the key frame has no moof")
		} else if p := out[f.lead().id]; p == nil || !p.keyWhole {
			c.fault(s.line, "the range has no whole key frame")
		}
		return out
	}
	if moofs == 0 || !boxes.Whole() {
		c.fault(s.line, "the segment does not consist of whole fragments")
	}
	if p := out[f.lead().id]; m.Independent && (p == nil || !p.keyFirst) {
		c.fault(s.line, "with EXT-X-INDEPENDENT-SEGMENTS each segment must begin with a key frame")
	}
	return out
}

func (c *checker) fragment(m *Media, s *Segment, f *movie, moof []byte, moofAt int, body []byte, out map[uint32]*played) {
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		if !boxes.Is("traf") {
			continue
		}
		h, _ := isobmff.ReadTfhd(isobmff.Find(boxes.Payload, "tfhd"))
		ticks, _, timed := isobmff.ReadTfdt(isobmff.Find(boxes.Payload, "tfdt"))
		trun, runs := isobmff.ReadTrun(isobmff.Find(boxes.Payload, "trun"))
		d := f.track(h.TrackID)
		if d == nil || !timed || !runs || h.Flags&isobmff.TfhdBaseIsMoof == 0 {
			c.fault(s.line, "a fragment needs a track of the initialisation segment, tfdt, trun, and the base of its moof")
			continue
		}
		var cols media.Columns
		defaults := h.Over(d.defaults)
		trun.AppendTo(&cols, &defaults, int64(ticks))
		p := out[d.id]
		if p == nil {
			p = &played{}
			out[d.id] = p
		}
		at := moofAt + int(trun.DataOffset)
		for i := range cols.DTS {
			p.add(d, &cols, i, at+int(cols.SizeBytes[i]) <= len(body))
			at += int(cols.SizeBytes[i])
		}
		if at > len(body) && !m.KeyFrames {
			c.fault(s.line, "samples of track %d lie behind the end of the segment", d.id)
		}
	}
}

func (p *played) add(d *description, cols *media.Columns, i int, whole bool) {
	dts := d.time(cols.DTS[i] - d.shift)
	shown := d.time(cols.DTS[i] + int64(cols.OffsetTicks[i]) - d.shift)
	lasts := d.time(cols.DurationTicks(i))
	if !p.begun {
		sync := cols.Flags[i]&media.FlagSync != 0
		*p = played{begun: true, firstDTS: dts, start: shown, least: shown, keyFirst: sync, keyWhole: sync && whole}
	}
	p.least, p.end = min(p.least, shown), max(p.end, shown+lasts)
	p.endDTS, p.longest = dts+lasts, max(p.longest, lasts)
}

// kind checks what the multivariant playlist says about a segment.
func (c *checker) kind(m *Media, s *Segment, f *movie) {
	for i := range f.tracks {
		d := &f.tracks[i]
		entry := isobmff.Walk(d.entry[min(8, len(d.entry)):])
		if m.codecs == "" || !entry.Next() || d.handler.Is("meta") || m.KeyFrames && !d.handler.Is("vide") {
			continue
		}
		if !strings.Contains(m.codecs, entry.Type.String()) && !strings.EqualFold(m.codecs, entry.Type.String()) {
			c.fault(s.line, "CODECS %q lacks the %q of track %d", m.codecs, entry.Type, d.id)
		}
		if d.handler.Is("vide") && !m.hasResolution {
			c.fault(s.line, "a variant with pictures needs RESOLUTION")
		}
	}
}

// lasts checks EXTINF and BANDWIDTH against segment i of m, which has n bytes. next is the first track of the segment behind it; nil: none
// continues it. The pictures that next presents before its key frame (of an open GOP) fill the end of segment i.
func (c *checker) lasts(m *Media, i int, f *movie, now map[uint32]*played, n int64, next *played) {
	s := &m.Segments[i]
	p := now[f.lead().id]
	if p == nil {
		c.fault(s.line, "the segment has no media of its first track")
		return
	}
	begin := p.least
	if p.keyFirst {
		begin = p.start
	}
	took := p.end - begin
	switch {
	case next != nil && next.keyFirst:
		took += max(next.start-next.least, 0)
	case next != nil && next.least > begin: // within a GOP, pictures of one segment may be presented between those of the other
		took = min(took, next.least-begin)
	}
	if (took-s.Duration).Abs() > p.longest+20*time.Millisecond && p.longest < 2*time.Second {
		c.fault(s.line, "EXTINF is %v, and the media lasts %v", s.Duration, took)
	}
	if seconds := s.Duration.Seconds(); m.bandwidth > 0 && m.Ended && seconds >= float64(m.TargetSeconds)/2 && float64(n)*8/seconds > 1.1*float64(m.bandwidth) {
		c.fault(s.line, "the segment has %.0f bits a second, more than BANDWIDTH %d", float64(n)*8/seconds, m.bandwidth)
	}
}

// continues checks that a segment without a discontinuity follows the one before. behindGap reports an
// EXT-X-GAP between them.
func (c *checker) continues(s *Segment, film, f *movie, last, now map[uint32]*played, behindGap bool) {
	if film != f && !film.same(f) {
		c.fault(s.line, "the tracks change without EXT-X-DISCONTINUITY")
		return
	}
	for id, p := range now {
		b := last[id]
		if b == nil || f.track(id).handler.Is("meta") {
			continue
		}
		jump := p.firstDTS - b.endDTS
		if jump < -10*time.Millisecond || jump > max(b.longest, p.longest)+250*time.Millisecond && !behindGap {
			c.fault(s.line, "the times of track %d jump by %v without EXT-X-DISCONTINUITY", id, jump)
		}
	}
}
