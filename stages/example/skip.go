// Package example is a stage in one file, to be copied. The stage leaves out the first
// seconds of every run.
//
// # Add a stage in one file
//
// A stage is plain code between two types of elements. It starts no goroutine and makes
// no channel: the framework calls it, one call at a time, with each element that the
// stage before it emits.
//
//  1. Copy this directory: a settings struct, a call of Register in init, and the
//     methods of the role. The role is Transform here; package pipeline describes it, and
//     the other roles: Source, Buffer and Sink.
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
// The stages up to the segmenter emit *media.Chunk, the segmenter emits media.Part, and mp4 and the
// stages behind it handle media.Recording. spool check refuses a pipeline in which the types of two
// neighbours do not match, and names the line.
//
// # The contract of a stage
//
//   - It owns one reference of each element that it receives, and ends it once:
//     by Release or by passing it to emit, which takes it even with an error.
//   - An error of emit means that the run is being aborted: return it at once.
//   - Flush is called after the last element of a drain, never after an abort;
//     Close releases everything that is still held after an abort.
//   - It counts the media that it leaves out, and Report reports the count.
//   - A constructor does no I/O; Open acquires resources.
//
// TestSkipKeepsTheContract tests most of this contract with one call.
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

// SkipConfig holds the settings of a declaration. The command spool stages and reference.yaml show
// the doc texts. A field with the tag `inherit:"mp4.max_duration"` takes the value of that setting
// if the declaration omits the field. Two tags declare which values a pipeline made by the API may
// have: `takes` for a number, `reaches` for a text.
type SkipConfig struct {
	First config.Duration `yaml:"first" takes:"nothing" doc:"duration to leave out at the begin of every run, up to the next key frame"`
}

// Validate is called after decoding. Its error is shown with file and line.
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

// skip drops chunks until firstNS have passed and a chunk begins a GOP.
type skip struct {
	firstNS  int64 // duration to leave out
	stage    string
	beginUTC int64 // begin of the first chunk, ns of UTC; 0 before it
	done     bool
	dropped  atomic.Uint64 // access units; atomic, because Report is called on another goroutine
}

func newSkip(set pipeline.Settings, cfg SkipConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	return &skip{firstNS: int64(cfg.First), stage: set.Stage}, nil
}

// Process takes over a reference of the chunk, and ends it: it releases the chunk, or passes it to
// emit.
func (s *skip) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	if c.Mark != nil { // a mark has no media, and is always passed on
		return emit(c)
	}
	if s.beginUTC == 0 {
		s.beginUTC = c.UTC
	}
	if !s.done && (c.UTC-s.beginUTC < s.firstNS || !c.StartsGOP) {
		s.dropped.Add(uint64(c.AccessUnits()))
		c.Release()
		return nil
	}
	s.done = true
	return emit(c)
}

// Flush does nothing: Process holds nothing back.
func (s *skip) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// Report adds the dropped access units, which the API's status shows.
func (s *skip) Report(r *pipeline.Report) {
	if n := s.dropped.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.stage, Cause: "skipped", AccessUnits: n})
	}
}
