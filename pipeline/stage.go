package pipeline

import "context"

// Emit hands an element and its one reference to the next stage. It blocks while that stage is
// busy. On an error, which is the cause of an abort or of the failure of a following stage, the
// element has been released and the caller returns the error at once. On success the element will
// be consumed, even if the caller fails afterwards, unless the run is aborted.
type Emit[T any] func(T) error

// Source produces elements.
type Source[Out any] interface {
	// Run emits elements until the context ends, which is a drain: then it returns nil or the
	// context's error. If it returns earlier, the source has ended: an error of End gives the
	// reason, nil means that the source was lost, and any other error fails the run, which drains
	// the emitted elements.
	Run(ctx context.Context, emit Emit[Out]) error
}

// Transform turns elements into other elements.
type Transform[In, Out any] interface {
	// Process takes over the element's reference.
	Process(ctx context.Context, in In, emit Emit[Out]) error
	// Flush is called after the last element of a drain, and of a run that an earlier stage has
	// ended with an error; never after an abort or an error of this stage. EndReason(ctx) returns
	// the reason of the end.
	Flush(ctx context.Context, emit Emit[Out]) error
}

// Buffer is a stage with two sides that run at their own pace: elements wait only here. The
// framework calls the methods on two goroutines.
type Buffer[T any] interface {
	// Put takes over the element's reference. It never blocks: a full buffer drops elements by its
	// policy, and counts them.
	Put(T)
	// End is called after the last Put of a drain: Take then returns the remaining elements, and
	// after them io.EOF.
	End(reason string)
	// Take waits for the next element and returns it with its one reference.
	Take(ctx context.Context) (T, error)
}

// Sink consumes elements.
type Sink[In any] interface {
	// Consume takes over the element's reference.
	Consume(ctx context.Context, in In) error
	// Flush is as for Transform.
	Flush(ctx context.Context) error
}

// Opener is a stage that acquires something. Open is called at start, first for the sink and last
// for the source, before any element flows. If it returns an error, the run does not start.
type Opener interface {
	Open(ctx context.Context) error
}

// Closer is a stage that releases something. Close is called once, after a drained or aborted run,
// if the stage's Open succeeded or the stage has none, when no other call is in progress. It
// releases everything that the stage holds; after an abort it leaves files as they are.
type Closer interface {
	Close() error
}

// Reporter is a stage that reports its state while it runs. Report is called from other goroutines
// at any time between build and the end of the run, and must not wait for the stage's own work: it
// reads atomics.
type Reporter interface {
	Report(*Report)
}

// Branching is a stage that feeds branches. Status returns the state of their stages, under names
// that include the branch; it is called as Report is.
type Branching interface{ Status() []StageStatus }

// Releaser is an element that owns counted memory.
type Releaser interface{ Release() }
