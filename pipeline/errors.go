package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/endcause"
)

// StageError is the error with which a stage made its run fail.
type StageError struct {
	Pipeline string
	Stream   string
	Stage    string
	// Op is the operation that failed: join, build, open, run, process, put, end, take, consume, flush, close or
	// transmit, or the failed part of a go-streams graph: flow, source, sink.
	Op  string
	Err error
}

// Error returns pipeline, stream, stage and operation with the stage's error.
func (e *StageError) Error() string {
	return fmt.Sprintf("pipeline %s on %s: stage %s: %s: %v", e.Pipeline, e.Stream, e.Stage, e.Op, e.Err)
}

// Unwrap returns the stage's error.
func (e *StageError) Unwrap() error { return e.Err }

// EndError is the error with which Source.Run reports that the source has ended without a failure. End makes
// it.
type EndError struct{ Reason string }

// Error returns the reason.
func (e *EndError) Error() string { return "source ended: " + e.Reason }

// End returns the error with which Source.Run ends without a failure. The run drains, and EndReason returns the
// reason in the Flush of each stage.
func End(reason string) error { return &EndError{Reason: reason} }

// ErrAborted is the cause of the abort of a run if no error led to the abort.
var ErrAborted = errors.New("aborted")

// ErrDeadline is the cause of the abort of a run that did not drain in time.
var ErrDeadline = errors.New("did not drain in time")

type nodeKey struct{}

func withNode(ctx context.Context, n *node) context.Context {
	return context.WithValue(ctx, nodeKey{}, n)
}

// nodeOf returns the node of the stage to which the framework passed ctx. It returns nil in a test that calls the
// stage directly.
func nodeOf(ctx context.Context) *node {
	n, _ := ctx.Value(nodeKey{}).(*node)
	return n
}

// EndReason returns the reason for which the run of the stage ends, such as endcause.SourceLost. A stage calls it in
// Flush with the ctx of Flush. In a test that calls the stage directly, the reason is endcause.Stop.
func EndReason(ctx context.Context) string {
	if n := nodeOf(ctx); n != nil {
		return n.run.reasonNow()
	}
	return endcause.Stop
}

// Ending returns a channel that closes when the run begins to end. A stage that waits, for example for a disk,
// then stops waiting. Further elements may arrive after that. The channel is nil in a test that calls the stage
// directly.
func Ending(ctx context.Context) <-chan struct{} {
	if n := nodeOf(ctx); n != nil {
		return n.run.ending
	}
	return nil
}
