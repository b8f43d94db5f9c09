package pipeline

import "context"

// Emit hands an element and its one reference to the next stage. It blocks
// while that stage is busy. On an error, which is the cause of an abort or of the
// failure of a stage behind, the element has been released and the caller returns
// at once. Without one the element is consumed, also where the caller then fails,
// unless the run is aborted.
type Emit[T any] func(T) error

// Source makes elements.
type Source[Out any] interface {
	// Run emits until the context ends, which is a drain: it then returns nil,
	// or the context's error. A return before that says that the source has
	// ended: End tells why, nil means the source was lost, any other error
	// fails the run: what was emitted is drained.
	Run(ctx context.Context, emit Emit[Out]) error
}

// Transform turns elements into others.
type Transform[In, Out any] interface {
	// Process owns the element's reference.
	Process(ctx context.Context, in In, emit Emit[Out]) error
	// Flush comes after the last element of a drain, and of a run that a stage
	// before this one has ended by an error; never after an abort or an error of
	// this stage. EndReason(ctx) tells why the run ends.
	Flush(ctx context.Context, emit Emit[Out]) error
}

// Buffer is a stage with two sides that run at their own pace; it is the one
// place where elements may wait. The framework runs both sides: its methods are
// called on two goroutines.
type Buffer[T any] interface {
	// Put owns the element's reference. It never blocks: what is too much is
	// dropped by the buffer's policy, and counted.
	Put(T)
	// End comes after the last Put of a drain: Take goes on until what there is
	// to give has been given, and then returns io.EOF.
	End(reason string)
	// Take waits for the next element and hands over its one reference.
	Take(ctx context.Context) (T, error)
}

// Sink ends the flow.
type Sink[In any] interface {
	// Consume owns the element's reference.
	Consume(ctx context.Context, in In) error
	// Flush is that of Transform.
	Flush(ctx context.Context) error
}

// Opener is a stage with something to acquire. Open is called at start, the
// sink's first and the source's last, before any element flows; with an error
// the run does not start.
type Opener interface {
	Open(ctx context.Context) error
}

// Closer is a stage with something to release. Close is called once after a run in
// which its Open succeeded or was not there, whether the run drained or was aborted,
// when no other call is under way. It releases all that the stage still holds; an
// abort leaves files as they are.
type Closer interface {
	Close() error
}

// Reporter is a stage that can tell the truth about itself while it runs.
// Report is called from other goroutines at any time between build and the end
// of the run, and must not wait for the stage's own work: it reads atomics.
type Reporter interface {
	Report(*Report)
}

// Branching is a stage that feeds branches. Status describes their stages, under
// names that say which branch it is; see Reporter for when it is called.
type Branching interface{ Status() []NodeStatus }

// Releaser is an element that owns counted memory.
type Releaser interface{ Release() }
