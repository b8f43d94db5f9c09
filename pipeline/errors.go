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
	Op       string // join, open, run, process, put, end, take, consume, flush, close, or what of go-streams failed: flow, source, sink
	Err      error
}

// Error names the place and the error.
func (e *StageError) Error() string {
	return fmt.Sprintf("pipeline %s on %s: stage %s: %s: %v", e.Pipeline, e.Stream, e.Stage, e.Op, e.Err)
}

// Unwrap gives the stage's own error.
func (e *StageError) Unwrap() error { return e.Err }

// EndError is how a source says that it has ended in good order, and why.
type EndError struct{ Reason string }

// Error returns the reason.
func (e *EndError) Error() string { return "source ended: " + e.Reason }

// End makes the error by which Source.Run ends in good order for a reason. The
// run drains, and the reason reaches every Flush by EndReason.
func End(reason string) error { return &EndError{Reason: reason} }

// ErrAborted is the cause of a run that was aborted without an error of its own.
var ErrAborted = errors.New("aborted")

// ErrDeadline is the cause of a run that did not drain in time.
var ErrDeadline = errors.New("did not drain in time")

type nodeKey struct{}

func withNode(ctx context.Context, n *node) context.Context {
	return context.WithValue(ctx, nodeKey{}, n)
}

// nodeOf returns the node whose stage is called with a context; nil in a test that calls the
// stage itself.
func nodeOf(ctx context.Context) *node {
	n, _ := ctx.Value(nodeKey{}).(*node)
	return n
}

// EndReason tells a stage's Flush why the run ends.
func EndReason(ctx context.Context) string {
	if n := nodeOf(ctx); n != nil {
		return n.run.reasonNow()
	}
	return endcause.Stop
}

// Ending is closed once the run of a stage is to end: a stage that waits for
// better times need wait no longer. Elements may still come.
func Ending(ctx context.Context) <-chan struct{} {
	if n := nodeOf(ctx); n != nil {
		return n.run.ending
	}
	return nil
}
