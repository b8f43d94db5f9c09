package hlscheck

import (
	"regexp"
	"slices"
	"strconv"
)

// rule describes a tag.
type rule struct {
	where   byte // p: a media playlist, s: a segment of it, m: a multivariant playlist, b: both
	version int  // least EXT-X-VERSION of a playlist with the tag
	once    bool // at most once in a playlist, or once for a segment
	value   *regexp.Regexp
}

var (
	whole    = regexp.MustCompile(`^[0-9]{1,20}$`)
	duration = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?,`)
	span     = regexp.MustCompile(`^[0-9]+(@[0-9]+)?$`)
	none     = regexp.MustCompile(`^$`)
	kind     = regexp.MustCompile(`^(VOD|EVENT)$`)
	date     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$`)
	anything = regexp.MustCompile(`.`)
)

// rules lists the tags that a playlist of recordings may have (RFC 8216bis, 4.4). EXT-X-MAP needs
// version 5 in a playlist of key frames, and else 6: see needs.
var rules = map[string]rule{
	"EXTM3U":                       {'b', 1, true, none},
	"EXT-X-VERSION":                {'b', 1, true, whole},
	"EXT-X-INDEPENDENT-SEGMENTS":   {'b', 1, true, none},
	"EXT-X-START":                  {'b', 1, true, anything},
	"EXT-X-TARGETDURATION":         {'p', 1, true, whole},
	"EXT-X-MEDIA-SEQUENCE":         {'p', 1, true, whole},
	"EXT-X-DISCONTINUITY-SEQUENCE": {'p', 1, true, whole},
	"EXT-X-ENDLIST":                {'p', 1, true, none},
	"EXT-X-PLAYLIST-TYPE":          {'p', 1, true, kind},
	"EXT-X-I-FRAMES-ONLY":          {'p', 4, true, none},
	"EXTINF":                       {'s', 1, true, duration},
	"EXT-X-BYTERANGE":              {'s', 4, true, span},
	"EXT-X-DISCONTINUITY":          {'s', 1, true, none},
	"EXT-X-MAP":                    {'s', 5, true, anything},
	"EXT-X-PROGRAM-DATE-TIME":      {'s', 1, true, date},
	"EXT-X-GAP":                    {'s', 8, true, none},
	"EXT-X-MEDIA":                  {'m', 1, false, anything},
	"EXT-X-STREAM-INF":             {'m', 1, false, anything},
	"EXT-X-I-FRAME-STREAM-INF":     {'m', 1, false, anything},
}

// tags checks the tags of a playlist by themselves. multivariant is the kind of the playlist.
func (c *checker) tags(all []line, multivariant bool) {
	needs, version := 1, 1
	var playlist, segment []string
	for _, l := range all {
		if l.tag == "" {
			segment = nil
			continue
		}
		r, known := rules[l.tag]
		if !known {
			c.fault(l.n, "the tag %s is unknown", l.tag)
			continue
		}
		if multivariant && (r.where == 'p' || r.where == 's') || !multivariant && r.where == 'm' {
			c.fault(l.n, "%s is for the other kind of playlist", l.tag)
		}
		if !r.value.MatchString(l.value) || l.has == (r.value == none) {
			c.fault(l.n, "the value %q of %s is invalid", l.value, l.tag)
		}
		seen := &playlist
		if r.where == 's' {
			seen = &segment
		}
		if r.once && slices.Contains(*seen, l.tag) {
			c.fault(l.n, "%s again", l.tag)
		}
		*seen = append(*seen, l.tag)
		if needs = max(needs, r.version); l.tag == "EXT-X-VERSION" {
			version, _ = strconv.Atoi(l.value)
		}
		if l.tag == "EXTINF" && duration.FindStringSubmatch(l.value) != nil && duration.FindStringSubmatch(l.value)[1] != "" {
			needs = max(needs, 3)
		}
	}
	if slices.ContainsFunc(all, func(l line) bool { return l.tag == "EXT-X-MAP" }) && !slices.Contains(playlist, "EXT-X-I-FRAMES-ONLY") {
		needs = max(needs, 6)
	}
	if version < needs {
		c.fault(0, "EXT-X-VERSION is %d, but its tags need %d", version, needs)
	}
}
