// Package example is a stage in one file, to be copied: it leaves out the first
// seconds of every recording.
//
// # Add a stage in one file
//
// A stage is plain code between two element types. It starts no goroutine and
// makes no channel: the framework calls it, one call at a time, and hands it what
// the stage before gave.
//
//  1. Copy this directory: a settings struct, a call of Register in init, and the
//     methods of the role (Transform here; Source, Buffer and Sink are in package
//     pipeline, with what each may do).
//
//  2. Name the package in cmd/spool/server/parts.go, so that it is linked in.
//
//  3. Use its name in a pipeline, as below.
//
// This records without the first five seconds:
//
//	pipelines:
//	  late:
//	    stages: [source, gop_ring, skip: {first: 5s}, segmenter, mp4, metadata]
//
// What flows where: *media.Chunk from source to segmenter, media.Part from
// segmenter to mp4, media.Recording behind mp4. A pipeline in which types do not
// meet is refused by spool check, with the line.
//
// # What a stage must keep
//
//   - It owns one reference of each element that it is given, and ends it once:
//     by Release or by handing it to emit, which does so even with an error.
//   - An error of emit means that the run is being aborted: return it at once.
//   - Flush is called after the last element of a drain, never after an abort; what
//     is still held after an abort is released in Close.
//   - What it leaves out it counts, and Report tells.
//   - A constructor does no I/O; what must be acquired is acquired in Open.
//
// TestSkipKeepsTheContract proves most of it with one call.
package example

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// SkipConfig is what a declaration can set. The doc texts appear in spool stages
// and in reference.yaml. A field with the tag `inherit:"mp4.max_duration"` would have
// the value of that setting where a declaration says nothing. The tags takes, of a number,
// and reaches, of a text, say what a pipeline made by request may write.
type SkipConfig struct {
	First config.Duration `yaml:"first" takes:"nothing" doc:"so much of every run is left out, up to the next key frame"`
}

// Validate is called after the decoding; its message is shown with file and line.
func (c SkipConfig) Validate() error {
	if c.First < 0 {
		return errors.New("first: it cannot be negative")
	}
	return nil
}

func init() {
	pipeline.RegisterTransform("skip", SkipConfig{First: config.Duration(5 * time.Second)},
		"Leaves out the beginning of every run: a camera that has just been switched on is not sharp yet.",
		newSkip)
}

// skip drops chunks until one begins a GOP late enough.
type skip struct {
	first   int64 // ns
	stage   string
	begin   int64 // UTC ns of the first chunk; 0 before it
	done    bool
	dropped atomic.Uint64 // access units; atomic, since Report comes from elsewhere
}

func newSkip(set pipeline.Settings, cfg SkipConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	return &skip{first: int64(cfg.First), stage: set.Stage}, nil
}

// Process is given one chunk at a time, and its one reference.
func (s *skip) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	if c.Mark != nil { // a word between stages, without media: always handed on
		return emit(c)
	}
	if s.begin == 0 {
		s.begin = c.UTC
	}
	if !s.done && (c.UTC-s.begin < s.first || !c.StartsGOP) {
		s.dropped.Add(uint64(c.AccessUnits()))
		c.Release()
		return nil
	}
	s.done = true
	return emit(c)
}

// Flush has nothing to give: nothing is kept back.
func (s *skip) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// Report tells what was left out, for the API's status.
func (s *skip) Report(r *pipeline.Report) {
	if n := s.dropped.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.stage, Cause: "skipped", AccessUnits: n})
	}
}
