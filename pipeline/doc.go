// Package pipeline is the framework that every recording runs in: typed stages,
// declared in YAML, wired with go-streams, and supervised.
//
// # Stages
//
// A stage is plain code. It implements Source, Transform, Buffer or Sink for the
// element types that it takes and gives, registers itself from its own file
// under the name that the YAML uses, and starts no goroutine: the framework owns
// every goroutine, channel, context and recover.
//
// Stages live in two folders. Below stages is the way of the media up to the parts of
// a file; below sinks is all that lies on the disk and in the catalogue.
//
// What a stage does beyond its types it declares as a Trait: whether it waits for
// triggers, raises events, makes files. Plan.CheckMode refuses by these a list of
// stages that would not do what its mode says.
//
// # Life of a run
//
//	build   no goroutine, no I/O; every problem of the declaration at once
//	start   opens the stages from the sink up, then runs the source
//	drain   the source is told to stop; closings cascade, every stage flushes
//	fail    a stage's error ends the run: what it has emitted is drained, and the
//	        stages behind it flush; up to it all is released as after an abort
//	abort   from outside, at once: what is in flight is released
//
// Who starts a run, for which stream and when, and what follows one that has ended,
// is for package recorder. A stage that feeds branches runs each as a Branch.
//
// # Elements
//
// An element that has a method Release owns memory by reference count. Handing
// it to Emit hands over that one reference. A stage that does not emit an
// element it received releases it. After an abort the framework releases what
// is still on its way.
package pipeline
