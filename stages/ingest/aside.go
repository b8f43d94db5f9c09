package ingest

import "github.com/gospool/spool/pipeline/media"

// asideBytes bounds the memory of the units of metadata that a track holds before the feed begins.
const asideBytes = 1 << 20

// aside reports whether the track is metadata beside other tracks. Its first unit may come after hours, late, and with
// times of another clock. So the feed does not wait for it, publishes it without a unit, does not report its silence,
// and uses its times for no other track.
func (t *Track) aside() bool { return t.cfg.Codec.Kind() == media.Metadata && t.feed.main > 0 }

// boundAside leaves out the oldest pending units of metadata before the feed has begun, if they take too much memory.
func (t *Track) boundAside() {
	for len(t.pending) > 1 && t.pendingBytes > asideBytes {
		t.pendingBytes -= t.pending[0].HeldBytes()
		t.lose(t.pending[0], media.DropNoKeyFrame)
		t.pending = t.pending[1:]
	}
}
