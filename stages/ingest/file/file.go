package file

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Config holds the settings of the source "file".
type Config struct {
	Path  string `yaml:"path" reaches:"file" doc:"MP4 file that is read, ordinary or fragmented, or MPEG-TS file"`
	Speed string `yaml:"speed" reaches:"nothing" doc:"max: as fast as the pipeline takes it; realtime: at the pace of its times"`
	Loop  bool   `yaml:"loop" doc:"begin again at the end; times go on"`
}

const (
	speedMax      = "max"
	speedRealtime = "realtime"
)

// Validate returns an error for an unknown speed. The file itself is opened when the run starts.
func (c Config) Validate() error {
	if c.Speed != speedMax && c.Speed != speedRealtime {
		return errors.New("speed: it is max or realtime")
	}
	return nil
}

func init() {
	pipeline.RegisterSource("file", Config{Speed: speedMax},
		"An MP4 or MPEG-TS file, read into chunks as its own times and key frames cut it. The run ends with the file.",
		newSource)
}

// source is the stage "file".
type source struct {
	cfg   Config
	pool  *media.Pool
	clock pipeline.Clock
	log   *slog.Logger
	stage string
	r     chunks

	stream atomic.Pointer[streamReader] // r, if it counts losses
}

// chunks is the content of a file.
type chunks interface {
	Next() (*media.Chunk, error) // the next chunk, with a reference for the caller; io.EOF after the last one
	Again() error                // continues with the beginning of the file; times go on. An error: it has no media
	Cut() int64                  // bytes at the end of the file that were left out, after the last chunk
	// EndNS returns the end of a chunk, ns since the first sample of the file.
	EndNS(c *media.Chunk) int64
	Close() error
}

func newSource(set pipeline.Settings, cfg Config) (pipeline.Source[*media.Chunk], error) {
	if cfg.Path == "" {
		return nil, errors.New("file: path is empty: give the file to read")
	}
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &source{cfg: cfg, pool: pool, clock: set.Clock, log: set.Log, stage: set.Stage}, nil
}

// Open opens the file and reads its moov.
func (s *source) Open(context.Context) (err error) {
	if open := s.opener(); open != nil {
		r, err := newStreamReader(s.cfg.Path, open, s.pool, s.cfg.Loop, s.clock, s.log)
		if err == nil {
			s.r = r
			s.stream.Store(r)
		}
		return err
	}
	r, err := Open(s.cfg.Path, s.pool, media.DefaultFlush, s.clock.Now(), s.log)
	if err != nil {
		return err
	}
	if s.cfg.Speed == speedMax {
		r.Coarse()
	}
	s.r = r
	return nil
}

// opener returns the opener of a stream of media, or nil if the file is another one.
func (s *source) opener() opener {
	if f := openTransportStream(s.cfg.Path); f != nil {
		return readTransportStream(f, s.clock, s.log)
	}
	if text := readLocalPlaylist(s.cfg.Path); text != nil {
		return readPlaylist(s.cfg.Path, text, s.clock, s.log)
	}
	return nil
}

// Close closes the file.
func (s *source) Close() error {
	if s.r == nil {
		return nil
	}
	return s.r.Close()
}

// Run emits the chunks of the file. With speed realtime, it emits a chunk when the media time of the chunk's end has
// passed since the first chunk was read, as a live stream does. It returns nil when ctx ends, and otherwise the end
// or the error of the reader, or the error of emit.
func (s *source) Run(ctx context.Context, emit pipeline.Emit[*media.Chunk]) error {
	p := pace{clock: s.clock, realtime: s.cfg.Speed == speedRealtime}
	for ctx.Err() == nil {
		c, err := s.next()
		if err != nil {
			return err
		}
		if !p.wait(ctx, s.r.EndNS(c)) {
			c.Release()
			break
		}
		if err := emit(c); err != nil {
			return err
		}
	}
	return nil
}

// Report adds what could not be read of a transport stream.
func (s *source) Report(r *pipeline.Report) {
	if stream := s.stream.Load(); stream != nil {
		for _, l := range stream.Losses() {
			r.Drops = append(r.Drops, pipeline.Drop{Stage: s.stage, Cause: l.Cause, AccessUnits: l.Count})
		}
	}
}

// next returns the next chunk. At the end of the file it begins again with Config.Loop, and otherwise returns the
// regular end of a source: see isEnd.
func (s *source) next() (*media.Chunk, error) {
	for {
		c, err := s.r.Next()
		if !errors.Is(err, io.EOF) {
			return c, err
		}
		if n := s.r.Cut(); n > 0 {
			s.log.Warn("the file is cut off: the part at its end is left out", "bytes", n)
		}
		if !s.cfg.Loop {
			return nil, pipeline.End(endcause.EndOfFile)
		}
		if err := s.r.Again(); err != nil {
			return nil, err
		}
	}
}

// pace delays media until it is due.
type pace struct {
	clock    pipeline.Clock
	realtime bool      // false: nothing is delayed
	began    time.Time // time of the first wait, at which media time 0 was due
	now      time.Time // time at which the newest wait began
}

// wait waits until media with the time ns, counted from the first sample of the file, is due. It returns false if
// the context has ended. Each wait counts from began, so that errors do not add up. Without realtime it returns true
// at once.
func (p *pace) wait(ctx context.Context, ns int64) bool {
	if !p.realtime {
		return true
	}
	p.now = p.clock.Now()
	if p.began.IsZero() {
		p.began = p.now
	}
	early := time.Duration(ns) - p.now.Sub(p.began)
	if early <= 0 {
		return ctx.Err() == nil
	}
	return pipeline.Sleep(ctx, p.clock, early, nil)
}
