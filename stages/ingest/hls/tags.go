package hls

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// tags has a reader for each tag that matters.
var tags map[string]func(p *parser, value string) error

func init() {
	tags = map[string]func(p *parser, value string) error{
		"#EXT-X-STREAM-INF":             (*parser).streamInf,
		"#EXT-X-MEDIA":                  (*parser).rendition,
		"#EXT-X-TARGETDURATION":         (*parser).targetDuration,
		"#EXT-X-MEDIA-SEQUENCE":         func(p *parser, v string) error { return number(v, &p.m.first) },
		"#EXT-X-DISCONTINUITY-SEQUENCE": func(p *parser, v string) error { return number(v, &p.period) },
		"#EXT-X-DISCONTINUITY":          func(p *parser, _ string) error { p.period++; return nil },
		"#EXT-X-ENDLIST":                func(p *parser, _ string) error { p.m.ended = true; return nil },
		"#EXT-X-GAP":                    func(p *parser, _ string) error { p.cur.gap = true; return nil },
		"#EXTINF":                       (*parser).extinf,
		"#EXT-X-BYTERANGE":              (*parser).byteRange,
		"#EXT-X-MAP":                    (*parser).mapTag,
		"#EXT-X-KEY":                    (*parser).keyTag,
		"#EXT-X-PART":                   (*parser).part,
		"#EXT-X-PART-INF":               (*parser).partInf,
		"#EXT-X-SERVER-CONTROL":         (*parser).serverControl,
		"#EXT-X-SKIP":                   func(*parser, string) error { return errDelta },
		"#EXT-X-DEFINE":                 (*parser).define,
	}
}

// errDelta is the error of a playlist that leaves out segments. It is requested again without a query of ours: see refused.
var errDelta = errors.New("the server sends a delta update, which was not asked for; if the URL has _HLS_skip, leave that out")

func (p *parser) targetDuration(v string) (err error) {
	p.isMedia = true
	if p.m.target, err = seconds(v); err == nil {
		p.m.target = min(max(p.m.target, time.Second), maxTarget)
	}
	return err
}

func (p *parser) extinf(v string) (err error) {
	p.isMedia, p.timed = true, true
	v, _, _ = strings.Cut(v, ",")
	p.cur.duration, err = seconds(v)
	return err
}

func (p *parser) byteRange(v string) (err error) {
	p.cur.of, err = readRange(v)
	return err
}

// readRange reads LENGTH[@OFFSET]. Without an offset, Offset is negative.
func readRange(v string) (r Range, err error) {
	length, offset, has := strings.Cut(strings.TrimSpace(v), "@")
	r.Offset = -1
	if r.Length, err = strconv.ParseInt(length, 10, 62); err == nil && has {
		r.Offset, err = strconv.ParseInt(offset, 10, 62)
	}
	if err != nil || r.Length <= 0 || has && r.Offset < 0 {
		return r, fmt.Errorf("%.40q is no range of bytes", v)
	}
	return r, nil
}

func (p *parser) mapTag(v string) (err error) {
	s := section{key: p.key}
	for name, value := range p.attributes(v) {
		switch name {
		case "URI":
			s.uri = value
		case "BYTERANGE":
			if s.of, err = readRange(value); err != nil {
				return err
			}
			s.of.Offset = max(s.of.Offset, 0)
		}
	}
	if s.uri == "" {
		return errors.New("it has no URI")
	}
	if p.init == nil || *p.init != s {
		p.init = &s
	}
	p.cur.init = p.init
	return nil
}

func (p *parser) keyTag(v string) error {
	k := key{}
	format := ""
	for name, value := range p.attributes(v) {
		switch name {
		case "METHOD":
			k.method = value
		case "URI":
			k.uri = value
		case "IV":
			k.iv = value
		case "KEYFORMAT":
			format = value
		}
	}
	switch {
	case k.method == "NONE":
		p.key = nil
	case format != "" && format != "identity" && p.key != nil:
		return nil // the same key in another form
	case p.key == nil || *p.key != k:
		p.key = &k
	}
	p.cur.key = p.key
	return nil
}

func (p *parser) part(v string) (err error) {
	s := part{}
	for name, value := range p.attributes(v) {
		switch name {
		case "URI":
			s.uri = value
		case "DURATION":
			s.duration, err = seconds(value)
		case "BYTERANGE":
			s.of, err = readRange(value)
		case "GAP":
			s.gap = value == "YES"
		}
		if err != nil {
			return err
		}
	}
	if s.uri == "" {
		return errors.New("it has no URI")
	}
	if s.of.Length > 0 {
		if s.of.Offset < 0 {
			s.of.Offset = 0
			if p.partPrior.uri == s.uri {
				s.of.Offset = p.partPrior.end
			}
		}
		p.partPrior.uri, p.partPrior.end = s.uri, s.of.Offset+s.of.Length
	}
	p.cur.parts = append(p.cur.parts, s)
	return p.count(maxEntries)
}

func (p *parser) partInf(v string) (err error) {
	for name, value := range p.attributes(v) {
		if name == "PART-TARGET" {
			p.m.partTarget, err = seconds(value)
		}
	}
	return err
}

func (p *parser) serverControl(v string) (err error) {
	for name, value := range p.attributes(v) {
		switch name {
		case "CAN-BLOCK-RELOAD":
			p.m.blocks = value == "YES"
		case "HOLD-BACK":
			p.m.holdBack, err = seconds(value)
		case "PART-HOLD-BACK":
			p.m.partHoldBack, err = seconds(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// number reads a decimal integer.
func number(v string, into *uint64) error {
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 62)
	if err != nil {
		return fmt.Errorf("%.40q is no number", v)
	}
	*into = n
	return nil
}

// seconds reads a decimal number of seconds.
func seconds(v string) (time.Duration, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || !(f >= 0 && f <= maxDuration.Seconds()) {
		return 0, fmt.Errorf("%.40q is no number of seconds", v)
	}
	return time.Duration(math.Round(f * float64(time.Second))), nil
}

// attributes yields the names and values of an attribute list (RFC 8216, 4.2). It ends at the first that cannot be read.
func attributes(list string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for list != "" {
			name, rest, ok := strings.Cut(list, "=")
			if !ok {
				return
			}
			var value string
			if strings.HasPrefix(rest, `"`) {
				if value, rest, ok = strings.Cut(rest[1:], `"`); !ok {
					return
				}
				_, list, _ = strings.Cut(rest, ",")
			} else {
				value, list, _ = strings.Cut(rest, ",")
			}
			if !yield(strings.TrimSpace(name), strings.TrimSpace(value)) {
				return
			}
		}
	}
}
