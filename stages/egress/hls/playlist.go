package hls

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/stages/egress/cmaf"
)

// version is the EXT-X-VERSION of the media playlist, which EXT-X-SKIP requires (RFC 8216bis, 8).
const version = 9

// partsShown is the number of newest segments whose parts a playlist lists: those within three target durations of the end.
const partsShown = 3

// writeMaster returns the multivariant playlist.
func writeMaster(init *cmaf.Init, parts []*cmaf.Part, session string) []byte {
	var b bytes.Buffer
	peak, average := rates(parts)
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\"", peak, average, strings.Join(init.Codecs, ","))
	if init.Width > 0 {
		fmt.Fprintf(&b, ",RESOLUTION=%dx%d", init.Width, init.Height)
		if rate := frameRate(init, parts); rate > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", rate)
		}
	}
	fmt.Fprintf(&b, "\n%s?session=%s\n", mediaName, session)
	return b.Bytes()
}

// frameRate returns the average number of pictures a second in the parts with an Init, or 0 if it is not known.
func frameRate(init *cmaf.Init, parts []*cmaf.Part) float64 {
	pictures, ns := 0, int64(0)
	for _, p := range parts {
		if p.Init == init {
			pictures, ns = pictures+p.LeadUnits, ns+p.DurationNS
		}
	}
	if ns == 0 {
		return 0
	}
	return float64(pictures) * float64(time.Second) / float64(ns)
}

// rates returns the peak and the average bit rate of the segments.
func rates(parts []*cmaf.Part) (peak, average int64) {
	var bits, ns, all, allNS int64
	end := func() {
		if ns > 0 {
			peak = max(peak, bits*int64(time.Second)/ns)
		}
		bits, ns = 0, 0
	}
	for _, p := range parts {
		if p.First {
			end()
		}
		bits, ns = bits+8*int64(p.SizeBytes), ns+p.DurationNS
		all, allNS = all+8*int64(p.SizeBytes), allNS+p.DurationNS
	}
	end()
	if allNS > 0 {
		average = all * int64(time.Second) / allNS
	}
	return max(peak, 1), max(average, 1)
}

// segment is a segment in a playlist.
type segment struct {
	number          uint64
	init            uint64
	startUTC, ns    int64
	discontinuous   bool
	discontinuities int
	parts           []*cmaf.Part // those in memory
}

// pastOf returns the segments that have left memory.
func pastOf(past []*cmaf.Past) (all []segment) {
	for _, s := range past {
		all = append(all, segment{s.Number, s.Init.Number, s.StartUTC, s.DurationNS, s.Discontinuous, s.Discontinuities, nil})
	}
	return all
}

// segmentsOf divides the parts of a window into segments. The last one may go on.
func segmentsOf(parts []*cmaf.Part) (all []segment) {
	for i, p := range parts {
		if p.First {
			all = append(all, segment{p.Segment, p.Init.Number, p.StartUTC, 0, p.Discontinuous, p.Discontinuities, nil})
		}
		s := &all[len(all)-1]
		s.parts, s.ns = append(s.parts, parts[i]), s.ns+p.DurationNS
	}
	return all
}

// writeMedia returns the media playlist of a window: of the segments that have left memory, and of the parts that follow them. With
// skip it is a delta update, where that saves segments.
func writeMedia(past []*cmaf.Past, parts []*cmaf.Part, limits cmaf.Limits, session string, skip bool) []byte {
	all := append(pastOf(past), segmentsOf(parts)...)
	target := limits.SegmentNS / int64(time.Second)
	skipUntil := 6 * target
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n", version, target)
	fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%s,CAN-SKIP-UNTIL=%d.0\n", seconds(3*limits.PartNS), skipUntil)
	fmt.Fprintf(&b, "#EXT-X-PART-INF:PART-TARGET=%s\n#EXT-X-MEDIA-SEQUENCE:%d\n", seconds(limits.PartNS), all[0].number)
	fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", all[0].discontinuities)
	first := 0
	if skip {
		first = skippable(all, skipUntil)
	}
	if first > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", first)
	}
	m := mediaWriter{b: &b, session: session}
	for i := first; i < len(all); i++ {
		m.segment(&all[i], len(all)-1-i < partsShown, i == len(all)-1)
	}
	fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-%d.m4s?session=%s\"\n", parts[len(parts)-1].Number+1, session)
	return b.Bytes()
}

// skippable returns the number of the oldest segments that a delta update leaves out: those that end longer than skipUntil
// seconds before the end (RFC 8216bis, 4.4.3.8).
func skippable(all []segment, skipUntil int64) int {
	ns := int64(0)
	for i := len(all) - 1; i >= 0; i-- {
		if ns += all[i].ns; ns > skipUntil*int64(time.Second) {
			return i
		}
	}
	return 0
}

// mediaWriter writes the segments of a media playlist.
type mediaWriter struct {
	b       *bytes.Buffer
	session string
	init    uint64 // number of the newest EXT-X-MAP
}

// segment writes a segment. It writes the parts of a newest one, and no EXTINF for one that goes on.
func (m *mediaWriter) segment(s *segment, withParts, goesOn bool) {
	if s.discontinuous {
		m.b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if s.init != m.init {
		m.init = s.init
		fmt.Fprintf(m.b, "#EXT-X-MAP:URI=\"init-%d.m4s?session=%s\"\n", m.init, m.session)
	}
	fmt.Fprintf(m.b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time.Unix(0, s.startUTC).UTC().Format("2006-01-02T15:04:05.000Z"))
	shown := s.parts
	if !withParts {
		shown = nil
	}
	for _, p := range shown {
		fmt.Fprintf(m.b, "#EXT-X-PART:DURATION=%s,URI=\"part-%d.m4s?session=%s\"", seconds(p.DurationNS), p.Number, m.session)
		if p.Independent {
			m.b.WriteString(",INDEPENDENT=YES")
		}
		m.b.WriteByte('\n')
	}
	if !goesOn {
		fmt.Fprintf(m.b, "#EXTINF:%s,\nsegment-%d.m4s?session=%s\n", seconds(s.ns), s.number, m.session)
	}
}

// seconds writes a duration with five digits after the point, rounded up so that no part is longer than the target.
func seconds(ns int64) string {
	return strconv.FormatFloat(float64((ns+9999)/10000)/100000, 'f', 5, 64)
}

// playlistQuery holds the directives of a request for a media playlist (RFC 8216bis, 6.2.5).
type playlistQuery struct {
	blocks  bool
	segment uint64
	part    int // -1: the whole segment
	skip    bool
	limits  cmaf.Limits
}

func parseQuery(v url.Values) (q playlistQuery, err error) {
	q.part = -1
	if text := v.Get("_HLS_msn"); text != "" {
		if q.segment, err = strconv.ParseUint(text, 10, 63); err != nil {
			return q, fmt.Errorf("%w: _HLS_msn %.20q is no number", ErrQuery, text)
		}
		q.blocks = true
	}
	if text := v.Get("_HLS_part"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || !q.blocks {
			return q, fmt.Errorf("%w: _HLS_part %.20q is no number, or without _HLS_msn", ErrQuery, text)
		}
		q.part = int(n)
	}
	switch text := v.Get("_HLS_skip"); text {
	case "", "YES", "v2":
		q.skip = text != ""
	default:
		return q, fmt.Errorf("%w: _HLS_skip %.20q is neither YES nor v2", ErrQuery, text)
	}
	return q, nil
}

// ready reports whether the parts of the window satisfy the request, or it is too far ahead to wait for.
func (q *playlistQuery) ready(parts []*cmaf.Part) bool {
	if len(parts) == 0 {
		return false
	}
	if !q.blocks || q.tooFar(parts) {
		return true
	}
	newest := parts[len(parts)-1]
	if newest.Segment != q.segment || q.part < 0 {
		return newest.Segment > q.segment
	}
	return newest.Index >= q.part
}

// tooFar reports whether the requested segment is more than two ahead, or the part more than three seconds (RFC 8216bis, 6.2.5.2).
func (q *playlistQuery) tooFar(parts []*cmaf.Part) bool {
	newest := parts[len(parts)-1]
	if !q.blocks || q.segment < newest.Segment {
		return false
	}
	next := 0 // the part that follows
	if q.segment == newest.Segment {
		next = newest.Index + 1
	}
	ahead := max(3, (3*time.Second.Nanoseconds()+q.limits.PartNS-1)/q.limits.PartNS)
	return q.segment > newest.Segment+2 || int64(q.part-next) > ahead
}
