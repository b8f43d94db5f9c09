package hls

import (
	"fmt"
	"slices"
	"strings"
)

// master is a multivariant playlist (RFC 8216bis, 4.4.6).
type master struct {
	variants   []variant
	renditions []rendered
	variables  map[string]string
}

// variant is a variant stream: EXT-X-STREAM-INF.
type variant struct {
	bandwidth uint64
	codecs    []string
	audio     string // group of renditions
	uri       string
}

// rendered is a rendition of sound: EXT-X-MEDIA.
type rendered struct {
	group, uri       string
	byDefault, chose bool // DEFAULT, AUTOSELECT
}

func (p *parser) streamInf(v string) (err error) {
	p.isMaster = true
	s := &variant{}
	for name, value := range p.attributes(v) {
		switch name {
		case "BANDWIDTH":
			err = number(value, &s.bandwidth)
		case "CODECS":
			for c := range strings.SplitSeq(value, ",") {
				if len(s.codecs) == maxCodecs {
					return fmt.Errorf("CODECS has more than %d", maxCodecs)
				}
				s.codecs = append(s.codecs, strings.TrimSpace(c))
			}
		case "AUDIO":
			s.audio = value
		}
		if err != nil {
			return err
		}
	}
	p.variant = s
	return nil
}

func (p *parser) rendition(v string) error {
	p.isMaster = true
	r, kind := rendered{}, ""
	for name, value := range p.attributes(v) {
		switch name {
		case "TYPE":
			kind = value
		case "GROUP-ID":
			r.group = value
		case "URI":
			r.uri = value
		case "DEFAULT":
			r.byDefault = value == "YES"
		case "AUTOSELECT":
			r.chose = value == "YES"
		}
	}
	if kind == "AUDIO" {
		p.master.renditions = append(p.master.renditions, r)
	}
	return p.count(maxVariants)
}

// sound returns the URI of the rendition of sound of a variant, or "" if its sound is its own.
func (m *master) sound(v *variant) string {
	if v.audio == "" {
		return ""
	}
	of := func(is func(r *rendered) bool) int {
		return slices.IndexFunc(m.renditions, func(r rendered) bool { return r.group == v.audio && is(&r) })
	}
	at := of(func(r *rendered) bool { return r.byDefault })
	if at < 0 {
		at = of(func(r *rendered) bool { return r.chose })
	}
	if at < 0 {
		at = of(func(*rendered) bool { return true })
	}
	if at < 0 {
		return ""
	}
	return m.renditions[at].uri
}
