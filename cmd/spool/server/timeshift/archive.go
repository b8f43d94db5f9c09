package timeshift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Archive finds the segments of live streams in recordings. It implements cmaf.Archive.
type Archive struct {
	library   *clip.Library
	catalogue clip.Catalogue
	turns     chan struct{} // holds a token for each request that reads indexes
}

// maxTurns bounds the requests that read indexes at once: that of a file which grows is made for each, and takes processor and memory.
const maxTurns = 4

// New returns an Archive of the recordings in a catalogue.
func New(library *clip.Library, catalogue clip.Catalogue) *Archive {
	return &Archive{library, catalogue, make(chan struct{}, maxTurns)}
}

// turn waits for a turn to read indexes, which ends with a call of done.
func (a *Archive) turn(ctx context.Context) (done func(), err error) {
	select {
	case a.turns <- struct{}{}:
		return func() { <-a.turns }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// nearNS is how far the wall clock of a recording may be from that of the live stream: the pictures of a file that grows have no exact
// one. soundNearNS is how far a sample of another track may be from its place beside the lead track.
const (
	nearNS      = int64(3 * time.Second)
	soundNearNS = int64(100 * time.Millisecond)
)

// place is where the samples of a segment lie: in one recording, or in several that continue each other.
type place struct{ pieces []piece }

// piece has consecutive samples of a recording: of each track count ones, from number first on.
type piece struct {
	id           media.ID
	path         string
	first, count []int64 // by track of the segment's Init
}

// Holds returns how many of the newest segments the rows of the recordings have.
func (a *Archive) Holds(ctx context.Context, path string, list []*cmaf.Past) (int, error) {
	clips, degraded, err := clip.Find(ctx, a.catalogue, path, clip.Span{StartUTC: list[0].StartUTC - nearNS, EndUTC: list[len(list)-1].EndUTC() + nearNS})
	if err != nil || degraded {
		return len(list), err
	}
	there := map[media.ID]bool{}
	for i := range clips {
		there[clips[i].ID] = true
	}
	for i := len(list) - 1; i >= 0; i-- {
		s := list[i]
		if at, placed := s.Place().(*place); placed && !slices.ContainsFunc(at.pieces, func(p piece) bool { return !there[p.id] }) ||
			!placed && covered(clips, s.StartUTC) && covered(clips, s.EndUTC()) {
			continue
		}
		return len(list) - 1 - i, nil
	}
	return len(list), nil
}

// covered reports whether a clip has about a moment of the wall clock.
func covered(clips []clip.Clip, utc int64) bool {
	i := sort.Search(len(clips), func(i int) bool { return clips[i].StartUTC-borderNS > utc }) // the clips are in order
	for i--; i >= 0; i-- {
		begin, end := wall(&clips[i])
		if i+1 < len(clips) && clips[i+1].Joined {
			end = max(end, clips[i+1].StartUTC)
		}
		if begin-borderNS <= utc && utc-borderNS <= end {
			return true
		}
		if clips[i].StartUTC+borderNS < utc { // those before end before it begins
			return false
		}
	}
	return false
}

// wall returns the wall clock at the begin of a clip's recording, and at its end as far as that is known.
func wall(c *clip.Clip) (begin, end int64) {
	begin, end = c.StartUTC, math.MaxInt64
	if n := len(c.Anchors); n > 0 && !c.Growing {
		begin, end = c.Anchors[0].UTC, c.Anchors[n-1].UTC
	}
	return begin, end
}

// borderNS is about how exact the wall clock at the ends of a recording is.
const borderNS = int64(500 * time.Millisecond)

// Open opens the samples of a segment, for which it looks first if need be.
func (a *Archive) Open(ctx context.Context, path string, s *cmaf.Past) (cmaf.Samples, error) {
	done, err := a.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	recs := &recordings{library: a.library, open: map[media.ID]*clip.Recording{}}
	out, err := a.samples(ctx, recs, path, s)
	if closed := recs.Close(); closed != nil {
		err = errors.Join(err, closed)
		if out != nil {
			err = errors.Join(err, out.Close())
		}
	}
	return out, err
}

func (a *Archive) samples(ctx context.Context, recs *recordings, path string, s *cmaf.Past) (cmaf.Samples, error) {
	at, placed := s.Place().(*place)
	if !placed {
		clips, _, err := clip.Find(ctx, a.catalogue, path, clip.Span{StartUTC: s.StartUTC - nearNS, EndUTC: s.EndUTC() + nearNS})
		if err != nil {
			return nil, err
		}
		if at, err = locate(recs, clips, s); err != nil {
			return nil, err
		}
		if at == nil {
			return nil, cmaf.ErrNotRecorded
		}
		s.SetPlace(at)
	}
	out, err := read(recs, s, at)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// recordings holds open recordings.
type recordings struct {
	library *clip.Library
	open    map[media.ID]*clip.Recording
}

// get opens a recording, or returns the open one. The error is cmaf.ErrNotRecorded if it has no file.
func (r *recordings) get(id media.ID, path string) (*clip.Recording, error) {
	if rec := r.open[id]; rec != nil {
		return rec, nil
	}
	rec, err := r.library.Open(id, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", cmaf.ErrNotRecorded, err)
	}
	if err == nil {
		r.open[id] = rec
	}
	return rec, err
}

// release returns the open files, which the caller closes. Close then closes the indexes alone.
func (r *recordings) release() (files []io.Closer) {
	for _, rec := range r.open {
		files = append(files, rec.File.File)
		rec.File = clip.Recording{}.File
	}
	return files
}

// drop closes a recording.
func (r *recordings) drop(rec *clip.Recording) error {
	delete(r.open, rec.ID)
	return rec.Close()
}

// Close closes the recordings.
func (r *recordings) Close() (err error) {
	for _, rec := range r.open {
		err = errors.Join(err, rec.Close())
	}
	return err
}

// tracksOf returns, for each track of an Init, the index of that track in a recording; nil if the recording lacks one.
func tracksOf(rec *clip.Recording, init *cmaf.Init) (tracks []int) {
	used := map[int]bool{}
	for i := range init.Len() {
		t, found := init.Track(i), -1
		for k := range rec.Tracks {
			r := &rec.Tracks[k]
			if found < 0 && !used[k] && r.Kind() == t.Kind() && r.Timescale == t.Timescale {
				found = k
			}
		}
		if found < 0 {
			return nil
		}
		used[found] = true
		tracks = append(tracks, found)
	}
	return tracks
}

// mediaAt returns the media time of a moment of the wall clock, ns.
func mediaAt(c *clip.Clip, utc int64) int64 {
	if len(c.Anchors) > 0 {
		return c.Anchors.Media(utc)
	}
	return utc - c.StartUTC
}
