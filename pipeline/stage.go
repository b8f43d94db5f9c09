package pipeline

import "context"

// Emit hands an element with its one reference to the next stage. It blocks while that stage is busy. If it
// returns an error, a later stage has failed or the run is aborted: the element has been released, and the
// caller returns the error at once. After success the next stage will consume the element, even if the caller
// fails afterwards, unless the run is aborted.
type Emit[T any] func(T) error

// Source produces the elements of a pipeline.
type Source[Out any] interface {
	// Run emits elements. When the context ends, the run is drained or aborted, and Run returns nil or the
	// context's error. If Run returns earlier, the source has ended: an error made by End gives the reason, nil
	// means that the source was lost, and any other error fails the run. In all these cases the emitted elements
	// are drained.
	Run(ctx context.Context, emit Emit[Out]) error
}

// Transform turns elements into other elements.
type Transform[In, Out any] interface {
	// Process handles one element and emits any number of elements. It takes over the element's reference.
	Process(ctx context.Context, in In, emit Emit[Out]) error
	// Flush emits the elements that the stage still holds. It is called after the last element, when the run is
	// drained or an earlier stage has failed. It is not called after an abort, or after an error of this stage
	// or a later one. EndReason(ctx) returns the reason of the end.
	Flush(ctx context.Context, emit Emit[Out]) error
}

// Buffer is a stage whose input and output run at their own pace, so elements wait in it. The framework calls
// Put and End on one goroutine, and Take on another.
type Buffer[T any] interface {
	// Put queues an element. It takes over the element's reference. It never blocks: a full buffer drops
	// elements by its policy and counts them.
	Put(T)
	// End is called after the last Put of a run that drains. From then on Take returns the remaining elements,
	// and after them io.EOF.
	End(reason string)
	// Take waits for the next element and returns it with its one reference.
	Take(ctx context.Context) (T, error)
}

// Sink consumes elements.
type Sink[In any] interface {
	// Consume handles one element. It takes over the element's reference.
	Consume(ctx context.Context, in In) error
	// Flush writes the elements that the sink still holds. It is called after the last element, when the run is
	// drained or an earlier stage has failed, but not after an abort or an error of the sink.
	Flush(ctx context.Context) error
}

// Opener is a stage that acquires a resource when a run starts. Open is called before any element flows, for
// the sink first and for the source last. If it returns an error, the run does not start.
type Opener interface {
	Open(ctx context.Context) error
}

// Closer is a stage that holds resources. Close is called once after the end of the run, when no other call of
// the stage is in progress; not if the stage's own Open failed. It releases all resources of the stage. After
// an abort it leaves files as they are.
type Closer interface {
	Close() error
}

// Reporter is a stage that reports its state while it runs. Other goroutines call Report at any time between
// build and the end of the run. It must not wait for the stage's own work: it reads atomic values, or takes a
// lock that the stage holds only for a moment.
type Reporter interface {
	Report(*Report)
}

// Branching is a stage that feeds branches. Status returns the state of the branches' stages. The name of each
// stage includes that of its branch. Other goroutines call Status at any time between build and the end of the run.
type Branching interface{ Status() []StageStatus }

// Releaser is an element that owns memory by reference count. Release ends one reference.
type Releaser interface{ Release() }
