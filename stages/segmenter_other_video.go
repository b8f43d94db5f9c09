package stages

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// otherVideo finds the files that begin amid a GOP of a video track other than the lead track. Such a file keeps the
// pictures before that track's key frame, because the file before has the beginning of their GOP. No player can decode
// them from this file alone.
type otherVideo struct {
	awaited []bool        // by track: its first picture of the open file is awaited
	amid    atomic.Uint64 // number of files that begin amid a GOP of such a track
	counted bool          // the open file is one of them
}

// begin begins a file with a track set.
func (o *otherVideo) begin(set *media.TrackSet) {
	o.awaited, o.counted = o.awaited[:0], false
	for i := range set.Tracks {
		o.awaited = append(o.awaited, i != set.Lead() && set.Tracks[i].Kind() == media.Video)
	}
}

// lookForOtherVideo looks for the first picture of each awaited track in a chunk of the open file.
func (s *segmenter) lookForOtherVideo(c *media.Chunk) {
	o := &s.others
	for i := range o.awaited {
		if !o.awaited[i] || c.Tracks[i].Len() == 0 {
			continue
		}
		o.awaited[i] = false
		if c.Tracks[i].Flags[0]&media.FlagSync != 0 || o.counted {
			continue
		}
		o.counted = true
		if n := o.amid.Add(1); bits.OnesCount64(n) == 1 { // log the 1st, 2nd, 4th, 8th...
			s.set.Log.Warn("a file begins between key frames of a further video track: its pictures before the next key frame can be decoded only with the file before",
				"track", i+1, "remedy", "set the same key frame interval for each video: files are cut at key frames of the first", "times_so_far", n)
		}
	}
}

func (o *otherVideo) report(r *pipeline.Report) {
	if n := o.amid.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d files begin between key frames of a further video track: files are cut at key frames of the first", n))
	}
}
