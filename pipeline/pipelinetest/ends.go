package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// prefix begins the names of the sources and sinks that only Contract uses.
const prefix = "contract_"

// elements maps each element type for which this package has a source and a sink to the name with which ends
// registered them.
var elements = map[reflect.Type]string{}

func init() {
	ends("chunk", chunks)
	ends("part", parts)
	ends("recording", recordings)
	elements[reflect.TypeFor[any]()] = "chunk" // a stage for elements of any type gets chunks, which own counted memory
}

// ends registers the source and the sink that Contract puts before and after a stage with elements of type T. name
// becomes part of their names. give emits the elements of the source.
func ends[T any](name string, give func(ctx context.Context, set pipeline.Settings, s *Script, emit pipeline.Emit[T]) error) {
	elements[reflect.TypeFor[T]()] = name
	pipeline.RegisterSource(prefix+"from_"+name, struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[T], error) {
		s, err := pipeline.Use[*Script](set)
		return from[T]{set, s, give}, err
	})
	pipeline.RegisterSink(prefix+"to_"+name, struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[T], error) {
		s, err := pipeline.Use[*Script](set)
		return to[T]{s}, err
	})
}

type from[T any] struct {
	set    pipeline.Settings
	script *Script
	give   func(context.Context, pipeline.Settings, *Script, pipeline.Emit[T]) error
}

func (f from[T]) Run(ctx context.Context, emit pipeline.Emit[T]) error {
	if err := f.give(ctx, f.set, f.script, emit); err != nil {
		return err
	}
	if f.script.End != nil {
		return f.script.End
	}
	return pipeline.End(endcause.EndOfFile)
}

type to[T any] struct{ script *Script }

// Consume releases the element. For the element with the number Script.FailAt it returns an error, or panics if
// Script.Panic is set.
func (t to[T]) Consume(ctx context.Context, el T) error {
	if r, ok := any(el).(pipeline.Releaser); ok {
		defer r.Release()
	}
	t.script.told.see(el)
	n := t.script.got.Add(1)
	t.script.hold(ctx)
	if n == int64(t.script.FailAt) {
		if t.script.Panic {
			panic("as the contract's script says")
		}
		return errors.New("as the contract's script says")
	}
	return nil
}

func (t to[T]) Flush(context.Context) error { return nil }

// chunks is the source of chunks: it emits those of a Camera.
func chunks(ctx context.Context, set pipeline.Settings, s *Script, emit pipeline.Emit[*media.Chunk]) error {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil || s.Count == 0 {
		return err
	}
	cam := NewCamera(s.t, pool)
	for given := 0; given != s.Count; {
		s.lose(cam, given)
		shot := cam.Shoot(s.t, 25)
		for i, c := range shot {
			if ctx.Err() != nil || given == s.Count {
				releaseAll(shot[i:])
				return ctx.Err()
			}
			s.loseWithin(c, given)
			given++
			if err := emit(c); err != nil {
				releaseAll(shot[i+1:])
				return err
			}
		}
	}
	return nil
}

func releaseAll(chunks []*media.Chunk) {
	for _, c := range chunks {
		c.Release()
	}
}

// parts is the source of parts: it emits segments of three chunks each, and ends a segment earlier at a gap.
func parts(ctx context.Context, set pipeline.Settings, s *Script, emit pipeline.Emit[media.Part]) error {
	var seg *media.Segment
	n, index := 0, uint64(0)
	end := func(why media.Cause) error {
		ended := seg
		seg, n = nil, 0
		return emit(media.Part{Segment: ended, End: why})
	}
	err := chunks(ctx, set, s, func(c *media.Chunk) error {
		if seg != nil && !c.Gap.None() {
			if err := end(endcause.Gap); err != nil {
				c.Release()
				return err
			}
		}
		p := media.Part{Segment: seg, Chunk: c}
		if seg == nil {
			index++
			seg = &media.Segment{
				ID: media.NewID(time.Now()), Stream: set.Stream, Pipeline: set.Pipeline,
				Set: c.Set, Index: index, StartUTC: c.UTC, Gap: c.Gap,
			}
			p.Segment, p.First = seg, true
		}
		if err := emit(p); err != nil {
			return err
		}
		if n++; n == 3 {
			return end(endcause.MaxDuration)
		}
		return nil
	})
	if err == nil && seg != nil {
		err = end(endcause.Stop)
	}
	return err
}

// recordings is the source of recordings: it emits each recording twice, when its file begins and when the file is
// finished.
func recordings(ctx context.Context, set pipeline.Settings, s *Script, emit pipeline.Emit[media.Recording]) error {
	for n := 0; n != s.Count && ctx.Err() == nil; n++ {
		r := media.Recording{
			ID: media.NewID(time.Now()), Stream: set.Stream, Pipeline: set.Pipeline,
			Path: fmt.Sprintf("contract_%d.mp4", n), State: media.StateRecording,
			StartUTC: StartUTC + int64(n)*int64(time.Second), EndUTC: StartUTC + int64(n)*int64(time.Second),
		}
		if err := emit(r); err != nil {
			return err
		}
		r.State, r.EndReason, r.EndUTC, r.DurationNS, r.SizeBytes = media.StateFinished, endcause.Stop, r.StartUTC+int64(time.Second), int64(time.Second), 1000
		if s.Missing {
			r.Gap, r.Gaps = media.Gap{Cause: media.GapStall, DurationNS: int64(3 * time.Second)}, []media.Gap{lost(r.StartUTC)}
			s.given.see(r)
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}
