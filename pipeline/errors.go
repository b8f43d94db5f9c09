package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/endcause"
)

// StageError is the first error of a run.
type StageError struct {
	Pipeline string
	Stream   string
	Stage    string
	Op       string // join, build, open, run, process, put, end, take, consume, flush, close, or the failed part of a go-streams graph: flow, source, sink
	Err      error
}

// Error returns pipeline, stream, stage and operation with the stage's error.
func (e *StageError) Error() string {
	return fmt.Sprintf("pipeline %s on %s: stage %s: %s: %v", e.Pipeline, e.Stream, e.Stage, e.Op, e.Err)
}

// Unwrap returns the stage's error.
func (e *StageError) Unwrap() error { return e.Err }

// EndError is the error with which a source ends in good order.
type EndError struct{ Reason string }

// Error returns the reason.
func (e *EndError) Error() string { return "source ended: " + e.Reason }

// End returns the error with which Source.Run ends in good order. The run drains, and EndReason
// returns the reason in every Flush.
func End(reason string) error { return &EndError{Reason: reason} }

// ErrAborted is the cause of a run that was aborted without another error.
var ErrAborted = errors.New("aborted")

// ErrDeadline is the cause of a run that did not drain in time.
var ErrDeadline = errors.New("did not drain in time")

type nodeKey struct{}

func withNode(ctx context.Context, n *node) context.Context {
	return context.WithValue(ctx, nodeKey{}, n)
}

// nodeOf returns the node whose stage is called with a context; nil in a test that calls the stage
// directly.
func nodeOf(ctx context.Context) *node {
	n, _ := ctx.Value(nodeKey{}).(*node)
	return n
}

// EndReason returns, in a stage's Flush, why the run ends.
func EndReason(ctx context.Context) string {
	if n := nodeOf(ctx); n != nil {
		return n.run.reasonNow()
	}
	return endcause.Stop
}

// Ending returns a channel that closes when the run of a stage begins to end. A stage that waits,
// for example for a disk, stops waiting then. Elements may still come.
func Ending(ctx context.Context) <-chan struct{} {
	if n := nodeOf(ctx); n != nil {
		return n.run.ending
	}
	return nil
}
