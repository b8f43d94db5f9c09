package hls

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The bounds of a playlist.
const (
	MaxPlaylistBytes = 4 << 20
	maxEntries       = 1 << 16 // segments and parts together
	maxVariants      = 1 << 10 // variants and renditions together
	maxCodecs        = 32      // of a variant
	maxLineBytes     = 32 << 10
	maxDuration      = 24 * time.Hour
	maxTarget        = time.Minute // a higher target duration is taken as this: the patience with a server depends on it
)

// Range is a range of bytes of a resource. The zero value means the whole resource.
type Range struct{ Offset, Length int64 }

// list is a media playlist (RFC 8216bis, 4.4.3 and 4.4.4).
type list struct {
	target   time.Duration // from a second to maxTarget
	first    uint64        // media sequence number of segments[0]
	segments []segment
	open     segment // that which is not complete: it has parts, but no URI
	ended    bool    // no segment will be added

	holdBack     time.Duration // least distance from the end; 0: three target durations
	partTarget   time.Duration // 0: the playlist has no parts
	partHoldBack time.Duration
	blocks       bool // a request may wait for a part: CAN-BLOCK-RELOAD
}

// segment is a media segment of a playlist, with what the tags before it say.
type segment struct {
	uri      string
	of       Range
	duration time.Duration
	period   uint64 // discontinuity sequence number
	init     *section
	key      *key
	gap      bool
	parts    []part
}

// part is a partial segment.
type part struct {
	uri      string
	of       Range
	duration time.Duration
	gap      bool
}

// section is a media initialisation section: EXT-X-MAP. Equal sections are one.
type section struct {
	uri string
	of  Range
	key *key
}

// is reports whether two sections are equal, also if they are of two loads of a playlist.
func (s section) is(o section) bool {
	a, b := s.key, o.key
	s.key, o.key = nil, nil
	return s == o && (a == b || a != nil && b != nil && *a == *b)
}

// key tells how segments are encrypted: EXT-X-KEY.
type key struct {
	method, uri, iv string
}

// end returns the media sequence number of the segment after the last complete one.
func (m *list) end() uint64 { return m.first + uint64(len(m.segments)) }

// parsePlaylist reads a playlist. One of its results is nil.
func parsePlaylist(text []byte, of scope) (*master, *list, error) {
	s := strings.TrimPrefix(string(text), "\ufeff")
	p := parser{scope: of, master: &master{}}
	number := 0
	for line := range strings.Lines(s) {
		number++
		line = strings.TrimRight(line, "\r\n \t")
		if number == 1 {
			if line != "#EXTM3U" && !strings.HasPrefix(line, "#EXTM3U ") {
				return nil, nil, errors.New("it does not begin with #EXTM3U")
			}
			continue
		}
		if err := p.line(line); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	switch {
	case p.isMaster && p.isMedia:
		return nil, nil, errors.New("it has tags of a multivariant playlist and of a media playlist")
	case p.isMaster:
		p.master.variables = p.variables
		return p.master, nil, nil
	case p.m.target == 0:
		return nil, nil, errors.New("it has neither variants nor a target duration")
	}
	p.m.open = p.cur
	p.m.open.period = p.period
	return nil, &p.m, nil
}

// parser is the state between the lines of a playlist.
type parser struct {
	m                 list
	master            *master
	isMaster, isMedia bool

	cur    segment // the segment to which the tags belong
	timed  bool    // cur has an EXTINF
	period uint64
	init   *section
	key    *key
	prior  struct { // the newest sub-range
		uri string
		end int64
	}
	partPrior struct {
		uri string
		end int64
	}
	entries int
	variant *variant // whose URI follows

	scope       scope
	variables   map[string]string
	substituted int   // bytes of values of variables
	wrong       error // of a reference to a variable
}

// count counts an entry, of which there may be so many.
func (p *parser) count(most int) error {
	if p.entries++; p.entries > most {
		return fmt.Errorf("more than %d entries", most)
	}
	return nil
}

// line reads a line. Tags that are not known are left out (RFC 8216, 6.3.1).
func (p *parser) line(line string) error {
	if line == "" {
		return nil
	}
	name, value, _ := strings.Cut(line, ":")
	read := tags[name]
	switch {
	case line[0] == '#' && read == nil:
		return nil
	case len(line) > maxLineBytes:
		return fmt.Errorf("it has more than %d bytes", maxLineBytes)
	case line[0] != '#':
		if line = p.substitute(line); p.wrong != nil {
			return p.wrong
		}
		return p.uri(line)
	}
	err := read(p, value)
	if p.wrong != nil {
		err = p.wrong
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (p *parser) uri(line string) error {
	if v := p.variant; v != nil {
		v.uri, p.variant = line, nil
		p.master.variants = append(p.master.variants, *v)
		return p.count(maxVariants)
	}
	if !p.timed {
		return errors.New("a URI without EXTINF before it")
	}
	s := &p.cur
	s.uri, s.period, s.init, s.key = line, p.period, p.init, p.key
	if s.of.Length > 0 {
		if s.of.Offset < 0 {
			if p.prior.uri != line {
				return errors.New("EXT-X-BYTERANGE without an offset, and no range of the resource before it")
			}
			s.of.Offset = p.prior.end
		}
		p.prior.uri, p.prior.end = line, s.of.Offset+s.of.Length
	}
	p.m.segments = append(p.m.segments, *s)
	p.cur, p.timed = segment{init: p.init, key: p.key}, false
	return p.count(maxEntries)
}

// sum returns the duration of the segments and parts from a position on.
func (m *list) sum(from position) (d time.Duration) {
	for n := max(from.number, m.first); n < m.end(); n++ {
		s := &m.segments[n-m.first]
		if n == from.number && from.part > 0 {
			for _, p := range s.parts[min(from.part, len(s.parts)):] {
				d += p.duration
			}
			continue
		}
		d += s.duration
	}
	parts := m.open.parts
	if from.number == m.end() {
		parts = parts[min(from.part, len(parts)):]
	}
	for _, p := range parts {
		d += p.duration
	}
	return d
}

// start returns where a reader begins: at the oldest segment of a playlist that has ended, and otherwise at the beginning of
// a segment, as far from the end as the playlist or RFC 8216 (6.3.3) says.
func (m *list) start() position {
	if m.ended {
		return position{number: m.first}
	}
	back := max(m.holdBack, 3*m.target)
	if m.partTarget > 0 {
		back = max(m.partHoldBack, 3*m.partTarget)
	}
	at := position{number: m.end()}
	for behind := m.sum(at); at.number > m.first && behind < back; {
		at.number--
		behind += m.segments[at.number-m.first].duration
	}
	return at
}
