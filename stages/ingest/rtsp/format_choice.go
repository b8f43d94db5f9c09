package rtsp

import (
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// choice selects the format of a media section that becomes its track. Cameras and encoders offer several formats in a
// section and send one. The format of the first packet becomes the track. If that was a stray packet, or if the sender
// changes its format later, the constant displaces applies: after so many consecutive packets of another format, that
// format becomes the track.
type choice struct {
	sends *sessionTrack // the format that is the track; nil: no packet has arrived yet
	other *sessionTrack // another format whose packets arrive now; nil: none
	run   int           // number of consecutive packets of other
}

// displaces is the number of consecutive packets after which another format becomes the track of its section.
const displaces = 64

// choose records the arrival of a packet of t, a format that is not the track of its section. It returns true if t is
// the track from now on. Otherwise it counts the packet as dropped, and the caller ignores the packet. The caller holds
// s.mu.
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
		s.log.Warn("a track is not recorded: the sender sends an unsupported format of it; "+rtp.Recordable, "codec", t.leave)
	case before != nil:
		s.log.Warn("a track is sent in another format from now on", "codec", codecName(t.format), "before", codecName(before.format))
	}
	return true
}
