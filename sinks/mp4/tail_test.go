package mp4

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestStopInsideAGroupOfBFramesLosesNoPicture stops between a frame and those that are decoded after
// it and shown before it. The edit list must reach the end of the frame that is shown last: ffmpeg
// drops later ones.
func TestStopInsideAGroupOfBFramesLosesNoPicture(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	for _, fragment := range []bool{false, true} {
		for stop := 101; stop <= 106; stop++ { // every position in a run of three B-frames
			t.Run(fmt.Sprintf("fragment=%v/%d", fragment, stop), func(t *testing.T) {
				cfg := Defaults()
				cfg.Fragment = fragment
				s, pool := newSession(t, cfg, nil), media.NewCheckedPool()
				var n [2]int
				set, chunks := src.chunks(t, pool, time.Second, func(u unit) bool {
					n[u.track]++
					return u.track == 0 && n[0] <= stop
				})
				rec := s.write(t, pool, segment(set, 1), chunks)
				require.Equal(t, stop, shownPictures(t, s.path(rec)))

				var first, last, frame int64 = 1 << 62, 0, 0
				got := probe(t, s.path(rec))
				for _, p := range got.of(0) {
					first, last, frame = min(first, p.PTS), max(last, p.PTS), p.Duration
				}
				shown := media.ToNanos(last+frame-first, set.Tracks[0].Timescale)
				require.InDelta(t, shown, rec.DurationNS, 1e6, "the recording is as long as what it shows")
			})
		}
	}
}

// shownPictures returns the number of frames that a player shows.
func shownPictures(t *testing.T, file string) int {
	t.Helper()
	out := tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", file, "-map", "0:v", "-vsync", "passthrough", "-f", "framemd5", "-")
	n := 0
	for line := range bytes.Lines(out) {
		if line[0] != '#' {
			n++
		}
	}
	return n
}
