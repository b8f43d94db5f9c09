package rtsp

import (
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// choice is which of the formats of a section is its track. Cameras and encoders
// offer several, of which one is sent: the first one that comes. Should that have
// been a stray packet, or should the sender change its mind, another one takes its
// place once many packets of it have come in a row.
type choice struct {
	sends *sessionTrack // nil: nothing has come yet
	other *sessionTrack // that comes instead,
	run   int           // so many packets in a row
}

// displaces is how many packets in a row are no strays.
const displaces = 64

// choose takes a packet of a format that is not its section's track, and reports
// whether it is from now on. What is not is counted.
func (s *session) choose(t *sessionTrack) bool {
	c := t.choice
	if c.sends != nil {
		if c.other != t {
			c.other, c.run = t, 0
		}
		if c.run++; c.run < displaces {
			s.pub.Lost(media.DropOtherFormat, 1)
			return false
		}
	}
	before := c.sends
	c.sends, c.other, c.run = t, nil, 0
	for i := range s.tracks {
		if o := &s.tracks[i]; o.choice == c && o != t && (before == nil || before == o) {
			o.rtp.Leave()
		}
	}
	switch {
	case t.rtp == nil:
		s.left = append(slices.Clone(s.left), t.leave)
		s.pub.LeaveOut(s.left)
		s.log.Warn("a track is not recorded: of its formats one is sent that is not supported; "+rtp.Recordable, "codec", t.leave)
	case before != nil:
		s.log.Warn("a track is sent in another format from now on", "codec", codecName(t.format), "before", codecName(before.format))
	}
	return true
}
