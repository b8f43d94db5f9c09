package mpegts

import (
	"bytes"

	"github.com/gospool/spool/pipeline/media"
)

// framer finds the frames of a codec of sound in its byte stream.
type framer interface {
	// frame reads the frame at the beginning of b, which may end before the frame does. An error means that no frame
	// begins there. With a size of 0, more bytes are needed; if final is true, none come.
	frame(b []byte, final bool) (f frame, err error)
	// units passes the access units of b, the frame that frame read last, to s.unit, and parameter sets to s.describe.
	units(b []byte, s *sound)
}

// frame is a part of the byte stream that can be read alone.
type frame struct {
	bytes   int
	samples int64 // of a channel
	rate    int   // Hz
}

// maxUntimedBytes bounds the frames whose time is not known: those between a loss and the next time stamp, which a sender
// writes every 0.7 s at least (2.7.4).
const maxUntimedBytes = 512 << 10

// stamp is a time stamp of the first frame that begins at a place of the byte stream, or after it.
type stamp struct {
	at  int   // place in sound.buf
	pts int64 // ticks of clockHz
}

// sound makes units of the frames of an elementary stream. Frames begin and end anywhere in PES packets.
type sound struct {
	e      *elementary
	framer framer

	buf    []byte // the data that has not been passed on
	stamps []stamp
	pos    int  // place in buf of the next frame; the frames before it wait for a time
	synced bool // a frame begins at pos
	// waitingNS is the duration of the frames that wait for a time.
	waitingNS int64
	waiting   int // number of these frames

	timed     bool   // the time of the frame at pos is known: nextTicks
	timescale uint32 // of the track; 0: no frame has been passed on
	nextTicks int64  // end of the newest frame, by its samples
	lastTicks int64  // duration of the newest unit
	rate      int    // sample rate of the current frame, Hz
	torn      bool   // frames are missing before the next one
	set       []byte // newest parameter set
}

func sounds(of func() framer) func(*elementary) payload {
	return func(e *elementary) payload { return &sound{e: e, framer: of()} }
}

// maxStamps bounds the time stamps of data that waits. More of them come only if no frame is found for long.
const maxStamps = 16

func (s *sound) begin(t times) {
	if !t.known {
		return
	}
	if len(s.stamps) == maxStamps {
		s.stamps = s.stamps[:copy(s.stamps, s.stamps[1:])]
	}
	s.stamps = append(s.stamps, stamp{len(s.buf), t.pts})
}

func (s *sound) add(b []byte) {
	s.buf = append(s.buf, b...)
	s.frames(false)
}

func (s *sound) lost() {
	s.buf, s.stamps = s.buf[:s.pos], s.stamps[:0]
	s.drop()
}

// drop leaves out the frames that wait for a time, and what comes before s.pos, because data is missing or wrong there.
func (s *sound) drop() {
	if s.waiting > 0 {
		s.e.track.Lost(media.DropDamaged, uint64(s.waiting))
	}
	s.timed, s.synced, s.torn = false, false, true
	s.consume()
}

func (s *sound) flush() {
	s.frames(true)
	torn := s.torn || s.waiting > 0 || len(s.buf) > s.pos
	s.lost()
	s.torn = torn
}

// consume removes the data before s.pos.
func (s *sound) consume() {
	n := s.pos
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	s.pos, s.waiting, s.waitingNS = 0, 0, 0
	for i := range s.stamps {
		s.stamps[i].at = max(s.stamps[i].at-n, 0)
	}
}

// frames passes on the frames that are whole and have a time.
func (s *sound) frames(final bool) {
	for s.pos < len(s.buf) {
		if !s.synced && !s.search(final) {
			break
		}
		f, err := s.framer.frame(s.buf[s.pos:], final)
		if err != nil {
			s.e.malformed()
			s.drop()
			s.pos = 1
			s.consume()
			continue
		}
		if f.bytes == 0 || s.pos+f.bytes > len(s.buf) {
			break
		}
		s.frame(f)
	}
	if s.timed && s.pos > 0 {
		s.consume()
	}
	if s.pos > maxUntimedBytes || len(s.buf) > 2*maxUntimedBytes {
		s.e.malformed()
		s.lost()
	}
}

// search moves s.pos to the next frame, and reports whether there is one. A frame that begins at a time stamp, or that
// another one follows, is one.
func (s *sound) search(final bool) bool {
	for ; s.pos < len(s.buf); s.pos++ {
		f, err := s.framer.frame(s.buf[s.pos:], final)
		switch {
		case err != nil:
			continue
		case f.bytes == 0:
			s.consume()
			return false
		case s.stampedAt(s.pos):
		case s.pos+f.bytes >= len(s.buf):
			if !final {
				s.consume()
				return false
			}
		default:
			if _, err := s.framer.frame(s.buf[s.pos+f.bytes:], final); err != nil {
				continue
			}
		}
		s.consume()
		s.synced = true
		return true
	}
	s.consume()
	return false
}

// stampedAt reports whether a time stamp is of the data at a place.
func (s *sound) stampedAt(pos int) bool {
	for _, st := range s.stamps {
		if st.at == pos {
			return true
		}
	}
	return false
}

// frame takes the whole frame at s.pos.
func (s *sound) frame(f frame) {
	if s.timescale == 0 {
		s.timescale = uint32(f.rate)
		s.e.track.SetTimescale(s.timescale)
	}
	if pts, has := s.stamped(); has {
		s.time(pts)
	}
	if !s.timed {
		s.pos += f.bytes
		s.waiting++
		s.waitingNS += media.ToNanos(f.samples, uint32(f.rate))
		return
	}
	s.pass(s.pos, f)
	s.pos += f.bytes
}

// stamped takes the time stamp of the frame at s.pos.
func (s *sound) stamped() (pts int64, has bool) {
	for len(s.stamps) > 0 && s.stamps[0].at <= s.pos {
		pts, has = s.stamps[0].pts, true
		s.stamps = s.stamps[:copy(s.stamps, s.stamps[1:])]
	}
	return pts, has
}

// time takes the time stamp of the frame at s.pos. It passes on the frames that have waited for it.
func (s *sound) time(pts int64) {
	at := media.Rescale(pts, clockHz, s.timescale)
	if s.timed {
		// By as much a time differs that was rounded to milliseconds, or cut.
		tolerance := int64(s.timescale)/1000 + 2
		if d := at - s.nextTicks; d < -tolerance || d > tolerance {
			s.nextTicks = at
		}
		return
	}
	at -= media.FromNanos(s.waitingNS, s.timescale)
	if s.torn && s.lastTicks > 0 {
		missing := int((at - s.nextTicks + s.lastTicks/2) / s.lastTicks)
		s.e.track.MissingBefore(min(max(missing, 1), maxMissing), media.DropTSLoss)
	}
	s.torn, s.timed, s.nextTicks = false, true, at
	for p := 0; p < s.pos; {
		f, err := s.framer.frame(s.buf[p:], true)
		if err != nil || f.bytes == 0 {
			break
		}
		s.pass(p, f)
		p += f.bytes
	}
}

// maxMissing bounds the number of frames that count as missing before one.
const maxMissing = 1 << 16

// pass passes on the units of a frame at a place of s.buf.
func (s *sound) pass(at int, f frame) {
	s.rate = f.rate
	s.framer.units(s.buf[at:at+f.bytes], s)
}

// unit passes on an access unit of the current frame.
func (s *sound) unit(b []byte, samples int64) {
	u := s.e.unit()
	u.PTS, u.DTS = s.nextTicks, s.nextTicks
	s.lastTicks = media.Rescale(samples, uint32(s.rate), s.timescale)
	u.DurationTicks = s.lastTicks
	s.nextTicks += s.lastTicks
	u.Put(b)
	s.e.pass(u)
}

// describe passes on a parameter set that is new. It reports whether the set is that of the track now.
func (s *sound) describe(set []byte) bool {
	if bytes.Equal(set, s.set) {
		return true
	}
	own := bytes.Clone(set)
	if err := s.e.track.Describe(own); err != nil {
		s.e.malformed()
		return false
	}
	s.set = own
	return true
}
