package stages

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// TracksConfig selects the tracks to record.
type TracksConfig struct {
	Keep []TrackMatch `yaml:"keep" doc:"keep only tracks that match one of these, such as {kind: video}; empty keeps every track"`
	Drop []TrackMatch `yaml:"drop" doc:"of the kept tracks, leave out those that match one of these, such as {kind: audio, language: eng}"`
}

// Check refuses rules that select no track of any stream.
func (c TracksConfig) Check() config.Problems {
	keep := c.Keep
	if len(keep) == 0 {
		keep = []TrackMatch{{}}
	}
	if slices.ContainsFunc(keep, func(m TrackMatch) bool { return m.leaves(c.Drop) }) {
		return nil
	}
	return config.Problems{config.At("drop", "no track of any stream is left: nothing would be recorded").WithHint("drop less, or keep more")}
}

func init() {
	pipeline.RegisterTransform("tracks", TracksConfig{},
		"Leaves tracks out, by kind, codec, language, number, size, sample rate, channels or codecs parameter. It does not copy media: left-out tracks stay in memory as long as the kept ones.",
		newTracks)
}

// tracks passes the selected tracks of each chunk on.
//
// Invariant: a chunk without a selected access unit is passed on, too, so that no sequence number
// is missing. Only while the stream has no selected track are its chunks left out.
type tracks struct {
	cfg  TracksConfig
	pool *media.Pool
	log  *slog.Logger

	from *media.TrackSet // track set of the received chunks
	set  *media.TrackSet // track set of the selected tracks; nil if none is selected
	kept []int           // indices of the selected tracks in from
	none atomic.Bool     // no track is selected
}

func newTracks(set pipeline.Settings, cfg TracksConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &tracks{cfg: cfg, pool: pool, log: set.Log}, nil
}

// Process emits a view of the chunk with the selected tracks, or the chunk itself if all its tracks
// are selected.
func (s *tracks) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	if c.Mark != nil {
		return emit(c)
	}
	if c.Set != s.from {
		if err := s.choose(c.Set); err != nil {
			c.Release()
			return err
		}
	}
	switch {
	case s.set == nil:
		c.Release()
		return nil
	case s.set == s.from:
		return emit(c)
	}
	return emit(s.pool.View(c, s.set, s.kept))
}

// Flush does nothing: Process holds no chunk back.
func (s *tracks) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// choose applies the rules to the tracks of a new track set, and sets from, set, kept and none.
func (s *tracks) choose(from *media.TrackSet) error {
	s.from, s.set, s.kept = from, nil, nil
	var list []media.Track
	for i := range from.Tracks {
		if t := &from.Tracks[i]; s.cfg.keeps(t, i+1) {
			s.kept = append(s.kept, i)
			list = append(list, *t)
		}
	}
	s.none.Store(len(list) == 0)
	switch len(list) {
	case 0:
		s.log.Warn("the stage tracks leaves no track of this stream: nothing is recorded of it", "tracks", len(from.Tracks))
		return nil
	case len(from.Tracks):
		s.set = from
		return nil
	}
	var err error
	if s.set, err = media.NewTrackSet(from.Generation, list); err == nil {
		s.set.Speed = from.Speed
	}
	return err
}

// keeps reports whether the stage keeps a track, which is number index of its stream, from 1.
func (c TracksConfig) keeps(t *media.Track, index int) bool {
	matches := func(m TrackMatch) bool { return m.matches(t, index) }
	return (len(c.Keep) == 0 || slices.ContainsFunc(c.Keep, matches)) && !slices.ContainsFunc(c.Drop, matches)
}

// Report adds a warning if no track of the stream is recorded.
func (s *tracks) Report(r *pipeline.Report) {
	if s.none.Load() {
		r.Warnings = append(r.Warnings, "the stage tracks leaves no track of this stream: change keep or drop")
	}
}
