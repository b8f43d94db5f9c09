// Package mux drives the mp4 stage as spool does, from access units to a finished file, but without the framework of
// pipelines. It serves spool bench and Go's benchmarks, so that both measure the same work.
package mux

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// Options describes the files that a Muxer writes. Zero durations and sizes have the defaults of the stages.
type Options struct {
	Fragment         bool          // fMP4, as the setting fragment of the mp4 stage
	FragmentDuration time.Duration // as the setting of the mp4 stage
	Sync             string        // none, chunk or segment; empty: none
	Flush            time.Duration // length of a chunk
	MaxBytes         int           // largest chunk

	Stream   string // path of the stream; empty: bench
	Pipeline string // empty: bench
	Name     string // of the file; empty: FileName
	StartUTC int64  // wall clock of the begin, in ns; 0: that of the movie
}

// FileName is the name of the file that a Muxer writes in its directory, unless Options.Name is set.
const FileName = "bench.mp4"

// Muxer writes a movie as one segment.
type Muxer struct {
	Took []time.Duration // time that the stage took for each chunk

	o     Options
	movie *movie.Movie
	pool  *media.Pool
	stage *mp4.Muxer
	seg   *media.Segment
	begun bool
	err   error
}

// Open makes a muxer and its mp4 stage, for the record directory dir. The caller closes it. Muxers share a pool, as
// the files of a recorder do.
func Open(ctx context.Context, dir string, m *movie.Movie, pool *media.Pool, o Options) (*Muxer, error) {
	cfg := mp4.Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.FilenamePattern, cfg.Sync = dir, o.Fragment, cmp.Or(o.Name, FileName), "none"
	if o.Sync != "" {
		cfg.Sync = o.Sync
	}
	if o.FragmentDuration > 0 {
		cfg.FragmentDuration = config.Duration(o.FragmentDuration)
	}
	env := pipeline.Env{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
	stage, err := mp4.New(pipeline.NewSettings(env, "bench", "bench", "mp4"), cfg)
	if err != nil {
		return nil, err
	}
	set, err := media.NewTrackSet(1, m.Tracks)
	if err != nil {
		return nil, err
	}
	if err := stage.Open(ctx); err != nil {
		return nil, err
	}
	begin := cmp.Or(o.StartUTC, int64(movie.EpochNS))
	return &Muxer{o: o, movie: m, pool: pool, stage: stage, seg: &media.Segment{
		ID: media.NewID(time.Unix(0, begin)), Stream: cmp.Or(o.Stream, "bench"), Pipeline: cmp.Or(o.Pipeline, "bench"), Set: set, Index: 1,
		StartUTC: begin, MaxDuration: m.Length,
	}}, nil
}

// Write writes the whole movie to the file, but does not finish the file.
func (m *Muxer) Write() error {
	b := media.NewBuilder(m.pool, media.BuilderConfig{Flush: m.o.Flush, MaxBytes: m.o.MaxBytes}, m.part)
	b.SetTracks(m.seg.Set)
	later := m.seg.StartUTC - movie.EpochNS
	err := m.movie.Each(func(track int, au *media.AU) error {
		au.UTC += later
		return b.Append(track, au)
	})
	if err != nil {
		return err
	}
	b.Flush()
	return m.err
}

// part hands a chunk to the stage as the next part of the segment.
func (m *Muxer) part(c *media.Chunk) {
	if m.err != nil {
		c.Release()
		return
	}
	began := time.Now()
	m.err = m.stage.Process(context.Background(), media.Part{Segment: m.seg, First: !m.begun, Chunk: c}, forget)
	m.Took = append(m.Took, time.Since(began))
	m.begun = true
}

// Finish ends the segment, so that the stage finishes the file.
func (m *Muxer) Finish() error {
	return m.stage.Process(context.Background(), media.Part{Segment: m.seg, End: endcause.EndOfFile}, forget)
}

func forget(media.Recording) error { return nil }

// FinishedBytes returns the number of bytes that the stage wrote to finish the file.
func (m *Muxer) FinishedBytes() int64 {
	var r pipeline.Report
	m.stage.Report(&r)
	return r.Finish.BytesWritten
}

// Close closes the stage. It leaves a file whose segment has not ended unfinished, as a killed recorder does.
func (m *Muxer) Close() error { return m.stage.Close() }

// Run writes a movie to a finished file in dir, and returns the time that the stage took for each chunk.
func Run(ctx context.Context, dir string, movie *movie.Movie, pool *media.Pool, o Options) ([]time.Duration, error) {
	m, err := Open(ctx, dir, movie, pool, o)
	if err != nil {
		return nil, err
	}
	err = m.Write()
	if err == nil {
		err = m.Finish()
	}
	return m.Took, errors.Join(err, m.Close())
}
