package rtmp

import (
	"bytes"
	"slices"

	"github.com/gospool/spool/stages/ingest/rtmp/flv"
)

// A track of sound that comes late, or changes its codec, begins with the next key frame of the pictures: at any other
// picture the recordings would go on without pictures until a key frame comes. Until then its frames are left out, and
// counted.

// lateTracks holds, for each track of sound that waits for a key frame, the packets of which one describes it: the newest
// configuration and the newest frame.
type lateTracks struct{ packets []flv.Packet }

// maxLateBytes bounds a packet that is kept. Frames of sound are much shorter.
const maxLateBytes = 64 << 10

// put keeps a packet in place of an earlier one of its kind and track, unless it is too large.
func (l *lateTracks) put(k *flv.Packet) {
	if len(k.Data) > maxLateBytes {
		return
	}
	kept := *k
	kept.Data = bytes.Clone(k.Data)
	same := func(o flv.Packet) bool { return o.Track == k.Track && o.Kind == k.Kind }
	if at := slices.IndexFunc(l.packets, same); at >= 0 {
		l.packets[at] = kept
	} else if len(l.packets) < 2*tracksOnce {
		l.packets = append(l.packets, kept)
	}
}

// shows reports whether the publication has pictures.
func (p *publication) shows() bool {
	return slices.ContainsFunc(p.tracks, func(t *track) bool { return t.video })
}

// beginLate begins the late tracks, because a key frame comes next.
func (p *publication) beginLate() error {
	late := p.late.packets
	p.late.packets = nil
	for _, t := range p.tracks {
		t.to.Flush()
	}
	began := map[uint8]bool{}
	for i := range late {
		k := &late[i]
		f := formOf(false, k.Codec)
		if began[k.Track] || f == nil {
			continue
		}
		t, err := p.add(f, false, k)
		if err != nil {
			return err
		}
		if t != nil {
			began[k.Track] = true
			p.replace(slices.IndexFunc(p.tracks, func(o *track) bool { return !o.video && o.number == k.Track }), t)
		}
	}
	p.feed.Announce()
	return p.feed.Err()
}
