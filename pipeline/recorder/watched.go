package recorder

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline"
)

// ErrNotWatched is the error of Watched for a stream that the patterns of no pipeline of mode watched match.
var ErrNotWatched = errors.New("no pipeline with record: watched has this stream")

// Watched returns the pipeline of mode watched that serves the clients of a stream. Of several that match, a pipeline with
// patterns of its own goes before one for every stream, and then the first by name. The error wraps ErrNotWatched, or is
// a *HeldError if all that match are held.
func (r *Recorder) Watched(stream string) (Declared, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found *Declared
	var held []string
	for i := range r.declared {
		d := &r.declared[i]
		switch {
		case d.Mode != pipeline.ModeWatched || !d.Streams.Match(stream):
		case r.held[d.Plan.Name]:
			held = append(held, d.Plan.Name)
		case found == nil || found.forAll() && !d.forAll():
			found = d
		}
	}
	switch {
	case found != nil:
		return *found, nil
	case len(held) > 0:
		return Declared{}, &HeldError{Pipelines: held}
	}
	return Declared{}, fmt.Errorf("%s: %w", stream, ErrNotWatched)
}

// forAll reports whether the pipeline has every stream by its only pattern.
func (d *Declared) forAll() bool { return len(d.Streams) == 1 && d.Streams[0].String() == "**" }
