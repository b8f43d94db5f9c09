package hlscheck

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// media fetches and checks a media playlist and its segments.
func (c *checker) media(m *Media) error {
	all, text, err := c.playlist(m.URL)
	if err != nil {
		return err
	}
	m.Text = text
	c.tags(all, false)
	c.order(all)
	c.read(m, all)
	c.durations(m)
	return c.segments(m)
}

// order checks that the tags of the whole playlist come before the segments where they must, and that
// each URI has an EXTINF.
func (c *checker) order(all []line) {
	timed, begun := false, false
	for _, l := range all {
		switch {
		case l.tag == "EXTINF":
			timed = true
		case l.tag == "":
			if !timed {
				c.fault(l.n, "the segment has no EXTINF")
			}
			timed, begun = false, true
		case begun && slices.Contains([]string{"EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE"}, l.tag):
			c.fault(l.n, "%s must come before the first segment", l.tag)
		}
	}
	if timed {
		c.fault(0, "the last EXTINF has no segment")
	}
}

// read sets the fields of m.
func (c *checker) read(m *Media, all []line) {
	var s Segment
	var init *url.URL
	var initRange Segment
	target := false
	for _, l := range all {
		switch l.tag {
		case "EXT-X-TARGETDURATION":
			m.TargetSeconds, _ = strconv.ParseInt(l.value, 10, 64)
			target = true
		case "EXT-X-MEDIA-SEQUENCE":
			m.Sequence, _ = strconv.ParseInt(l.value, 10, 64)
		case "EXT-X-PLAYLIST-TYPE":
			m.Type = l.value
		case "EXT-X-ENDLIST":
			m.Ended = true
		case "EXT-X-I-FRAMES-ONLY":
			m.KeyFrames = true
		case "EXT-X-INDEPENDENT-SEGMENTS":
			m.Independent = true
		case "EXT-X-START":
			c.start(m, l)
		case "EXT-X-DISCONTINUITY":
			s.Discontinuity = true
		case "EXT-X-GAP":
			s.Gap = true
		case "EXT-X-MAP":
			a := c.attributes(l)
			if r, ok := a["BYTERANGE"]; ok && !span.MatchString(c.quoted(l, a, "BYTERANGE")) {
				c.fault(l.n, "BYTERANGE %s is invalid", r)
			}
			if initRange = (Segment{}); a["BYTERANGE"] != "" {
				c.span(m, &initRange, line{l.n, l.tag, c.quoted(l, a, "BYTERANGE"), true})
			}
			l.value = c.quoted(l, a, "URI")
			init = c.resolve(m.URL, l)
		case "EXT-X-PROGRAM-DATE-TIME":
			at, err := time.Parse("2006-01-02T15:04:05Z07:00", l.value)
			if err != nil {
				c.fault(l.n, "the time %s is invalid", l.value)
			}
			s.Time, s.Dated = at, true
		case "EXTINF":
			text, _, _ := strings.Cut(l.value, ",")
			f, _ := strconv.ParseFloat(text, 64)
			s.Duration = time.Duration(math.Round(f * float64(time.Second)))
		case "EXT-X-BYTERANGE":
			c.span(m, &s, l)
		case "":
			s.URL, s.Init, s.line = c.resolve(m.URL, l), init, l.n
			s.InitAt, s.InitBytes = max(initRange.At, 0), initRange.SizeBytes
			if s.At < 0 { // the range follows the one before
				s.At = c.follows(m, &s)
			}
			m.Segments, s = append(m.Segments, s), Segment{}
		}
	}
	if !target {
		c.fault(0, "EXT-X-TARGETDURATION is needed")
	}
	if m.Type == "VOD" && !m.Ended {
		c.fault(0, "a playlist of type VOD cannot change, so it needs EXT-X-ENDLIST")
	}
}

func (c *checker) span(m *Media, s *Segment, l line) {
	n, at, given := strings.Cut(l.value, "@")
	s.SizeBytes, _ = strconv.ParseInt(n, 10, 64)
	if s.SizeBytes == 0 {
		c.fault(l.n, "the range is empty")
	}
	if s.At = -1; given {
		s.At, _ = strconv.ParseInt(at, 10, 64)
	}
}

func (c *checker) follows(m *Media, s *Segment) int64 {
	if n := len(m.Segments); n > 0 && m.Segments[n-1].URL.String() == s.URL.String() && m.Segments[n-1].SizeBytes > 0 {
		return m.Segments[n-1].At + m.Segments[n-1].SizeBytes
	}
	c.fault(s.line, "EXT-X-BYTERANGE without an offset needs a range of the same resource before it")
	return 0
}

func (c *checker) start(m *Media, l line) {
	a := c.attributes(l)
	f, err := strconv.ParseFloat(a["TIME-OFFSET"], 64)
	if err != nil {
		c.fault(l.n, "TIME-OFFSET is needed")
	}
	if p, ok := a["PRECISE"]; ok && p != "YES" && p != "NO" {
		c.fault(l.n, "PRECISE must be YES or NO")
	}
	m.Start = time.Duration(f * float64(time.Second))
}

// clockTolerance is the greatest step of EXT-X-PROGRAM-DATE-TIME without a discontinuity, where a clock was set.
const clockTolerance = 10 * time.Second

// durations checks the durations, the wall clock and EXT-X-START. It computes the time of segments
// that have no EXT-X-PROGRAM-DATE-TIME. A date may depart from the sum of the durations, because two clocks drift and a clock is set.
func (c *checker) durations(m *Media) {
	var total time.Duration
	var before, next time.Time // begin and end of the segment before
	for i := range m.Segments {
		s := &m.Segments[i]
		if rounded := int64(s.Duration.Round(time.Second) / time.Second); rounded > m.TargetSeconds {
			c.fault(s.line, "EXTINF %v is longer than EXT-X-TARGETDURATION %d", s.Duration, m.TargetSeconds)
		}
		if s.Duration <= 0 {
			c.fault(s.line, "EXTINF is 0")
		}
		if i > 0 && s.Discontinuity && !next.IsZero() && !s.Dated {
			c.fault(s.line, "a discontinuity without EXT-X-PROGRAM-DATE-TIME")
		}
		switch {
		case !s.Dated:
			s.Time = next
		case !before.IsZero() && s.Time.Before(before):
			c.fault(s.line, "EXT-X-PROGRAM-DATE-TIME %v is %v before the begin of the segment before", s.Time, before.Sub(s.Time))
		case !next.IsZero() && !s.Discontinuity && s.Time.After(next.Add(clockTolerance)):
			c.fault(s.line, "EXT-X-PROGRAM-DATE-TIME %v is %v after the end of the segment before, without a discontinuity", s.Time, s.Time.Sub(next))
		}
		if total += s.Duration; !s.Time.IsZero() {
			before, next = s.Time, s.Time.Add(s.Duration)
		}
		if s.Init == nil {
			c.fault(s.line, "a segment of fragmented MP4 needs EXT-X-MAP")
		}
	}
	if m.Start.Abs() > total {
		c.fault(0, "EXT-X-START %v is outside of the playlist, which lasts %v", m.Start, total)
	}
}
