package movie

import (
	"math"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// clock is a track of timed text (3GPP TS 26.245) that shows the wall clock. Each clip has a sample for each second of the clock, which
// lasts until the next second, or the next clip.
//
// The samples have one size, so only the clips are in its tables, and the texts are made when they are read.
type clock struct {
	clips []clockClip
	total int64 // samples

	placesAt int // offset of the table of places among the fixed bytes
}

// clockClip holds the samples of one clip. Its times are ticks of the movie.
type clockClip struct {
	utc        int64 // wall clock of the first sample, ns
	begin, end int64
	samples    int64
}

const (
	clockForm       = "2006-01-02 15:04:05Z"
	clockBytes      = 2 + len(clockForm) // of a sample: the length of the text, and the text
	clockTextHeight = 40                 // pixels
)

// layClock makes the samples of the clock.
func (m *Movie) layClock() {
	m.clock = &clock{}
	for k := range m.sources {
		s := &m.sources[k]
		c := clockClip{begin: max(s.beginTicks, 0), end: media.FromNanos(m.DurationNS, m.timescale())}
		if k+1 < len(m.sources) {
			c.end = m.sources[k+1].beginTicks
		}
		if c.end <= c.begin {
			continue
		}
		c.utc = s.zeroUTC + media.ToNanos(c.begin-s.origin, m.timescale())
		for n := int64(0); n == 0 || m.clockAt(&c, n) < c.end; n++ {
			c.samples++
		}
		m.clock.clips = append(m.clock.clips, c)
		m.clock.total += c.samples
	}
}

// clockAt returns the time in the movie at which a sample of a clip begins: after the first one, at a whole second.
func (m *Movie) clockAt(c *clockClip, n int64) int64 {
	if n == 0 {
		return c.begin
	}
	first := c.utc - c.utc%int64(time.Second)
	return c.begin + media.FromNanos(first+n*int64(time.Second)-c.utc, m.timescale())
}

// clockTrak appends the trak of the clock.
func (m *Movie) clockTrak() {
	s, c, scale := &m.sheet, m.clock, m.timescale()
	duration := uint64(media.FromNanos(m.DurationNS, scale))
	trak := s.begin("trak")
	lead := &m.tracks[m.lead()]
	s.Tkhd(&isobmff.TrackHeader{
		CreatedSeconds: m.createdSeconds(), ID: uint32(len(m.tracks) + 1), DurationTicks: duration, Width: lead.width, Height: clockTextHeight << 16, AlternateGroup: 2,
	})
	mdia := s.begin("mdia")
	s.Mdhd(&isobmff.MediaHeader{CreatedSeconds: m.createdSeconds(), Timescale: scale, DurationTicks: duration})
	minf := nested{s.OpenMinf("sbtl", "Wall clock"), s.madeBytes}
	stbl := s.begin("stbl")
	stsd := s.table("stsd", 0, 1)
	s.TimedTextEntry()
	s.end(stsd)
	m.clockTimes()
	s.end(s.table("stsz", 0, uint32(clockBytes), uint32(c.total)))
	stsc := s.table("stsc", 0, uint32(len(c.clips)))
	for i := range c.clips {
		s.U32(uint32(i + 1))
		s.U32(uint32(c.clips[i].samples))
		s.U32(1)
	}
	s.end(stsc)
	co64 := s.table("co64", 0, uint32(len(c.clips)))
	c.placesAt = len(s.B)
	s.Append(make([]byte, 8*len(c.clips)))
	s.end(co64)
	s.end(stbl)
	s.end(minf)
	s.end(mdia)
	s.end(trak)
}

// clockTimes appends the stts of the clock.
func (m *Movie) clockTimes() {
	var entries [][2]uint32
	for i := range m.clock.clips {
		c := &m.clock.clips[i]
		for n := range c.samples {
			end := c.end
			if n+1 < c.samples {
				end = m.clockAt(c, n+1)
			}
			if n+1 == c.samples && i+1 < len(m.clock.clips) {
				end = m.clock.clips[i+1].begin
			}
			ticks := uint32(min(end-m.clockAt(c, n), math.MaxUint32))
			if last := len(entries) - 1; last >= 0 && entries[last][1] == ticks {
				entries[last][0]++
			} else {
				entries = append(entries, [2]uint32{1, ticks})
			}
		}
	}
	stts := m.sheet.table("stts", 0, uint32(len(entries)))
	for _, e := range entries {
		m.sheet.U32(e[0])
		m.sheet.U32(e[1])
	}
	m.sheet.end(stts)
}

// clockMedia appends the texts to the mdat.
func (m *Movie) clockMedia() {
	var places isobmff.Writer
	for i := range m.clock.clips {
		c := &m.clock.clips[i]
		m.sheet.piece(piece{part: i, result: clockTexts, size: c.samples * int64(clockBytes)})
		places.U64(uint64(m.sheet.pieces[len(m.sheet.pieces)-1].at))
	}
	copy(m.sheet.B[m.clock.placesAt:], places.B)
}

// clockTexts returns the texts of a clip from sample n on, at most about limit bytes.
func (m *Movie) clockTexts(w *isobmff.Writer, c *clockClip, n int64, limit int) {
	for begin := len(w.B); n < c.samples && len(w.B)-begin < limit; n++ {
		w.U16(uint16(len(clockForm)))
		w.AppendString(time.Unix(0, c.utc).Add(time.Duration(n) * time.Second).UTC().Format(clockForm))
	}
}
