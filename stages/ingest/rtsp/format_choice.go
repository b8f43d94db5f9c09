package rtsp

import (
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// choice selects the format of a section that is its track. Cameras and encoders offer several formats and send one:
// the first to arrive is the track. If that was a stray packet, or if the sender changes its format, another one
// replaces it after many consecutive packets.
type choice struct {
	sends *sessionTrack // nil: no packet has arrived yet
	other *sessionTrack // another format that arrives instead
	run   int           // its consecutive packets
}

// displaces is the number of consecutive packets after which another format becomes the track.
const displaces = 64

// choose takes a packet of a format that is not its section's track, and reports whether the format is the track from
// now on. It counts the packet if not.
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
