package movie

import (
	"os"
	"slices"
	"sync"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// Counts keeps what plans have counted of finished recordings, so that the next plan with the whole of one reads no index. The zero value is
// ready. It is safe for concurrent use. It takes at most some 10 MB.
type Counts struct {
	mu sync.Mutex // guards of
	of map[media.ID]counted
}

// counted is the whole of a finished recording.
type counted struct {
	file   os.FileInfo  // of the recording's file when it was counted
	tracks []clip.Track // immutable
	parts  []part       // one for each track that has samples; immutable
}

const (
	maxCounted      = 8192 // recordings: four weeks of files of five minutes
	maxCountedBytes = 4096 // of the descriptions of one recording's tracks
)

// get returns the counts of a recording, provided that its file has not changed since they were made.
func (k *Counts) get(id media.ID, f playback.File) (c counted, ok bool) {
	k.mu.Lock()
	c, ok = k.of[id]
	k.mu.Unlock()
	return c, ok && !f.Growing && os.SameFile(c.file, f.Info) && c.file.Size() == f.Info.Size() && c.file.ModTime().Equal(f.Info.ModTime())
}

// put keeps the counts of a clip of a recording, if they are those of the whole of a finished recording. In a full set they take the place of
// others.
func (k *Counts) put(r *clip.Recording, c *clip.Clip, parts []part) {
	if r.File.Growing || c.FromNS != clip.Begin || c.ToNS != clip.End || len(parts) == 0 || len(parts) != len(r.Tracks) {
		return
	}
	bytes := 0
	for i := range r.Tracks {
		if bytes += len(r.Tracks[i].Entry); bytes > maxCountedBytes || parts[i].track != i || parts[i].samples() != r.Tracks[i].Samples {
			return
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[media.ID]counted{}
	}
	for id := range k.of { // of any recording: a span with more recordings than these then still finds some of them
		if len(k.of) < maxCounted {
			break
		}
		delete(k.of, id)
	}
	k.of[r.ID] = counted{r.File.Info, r.Tracks, slices.Clone(parts)}
}
