// Package pipeline runs media through typed stages that are declared in YAML. It checks the
// declaration, makes and supervises every goroutine, and drains or aborts a run as a whole.
// Other packages register the stages and provide the media.
// The words of this package are defined in the glossary of package media.
//
// # Declare and compile
//
// A pipeline is a list of stages, each a name with its settings. The first stage is a source,
// the last a sink, and each takes the elements that its predecessor emits:
//
//	[source, gop_ring: {before: 10s}, segmenter: {max_duration: 10m}, mp4: {record_path: /srv}, metadata]
//
// A stage is available once its package is imported; Stages lists all. config.Parse reads a
// declaration from YAML, config.FromAny takes one from Go values. Compile checks names,
// settings and order, does no I/O, and returns all problems at once, each with file, line and
// remedy. Plan.CheckMode then checks the stages against the mode in which they will record.
//
// # Run
//
// Plan.Build makes a Run for one stream. Env.Services holds the shared parts of the program that stages need,
// such as the media pool. Stages look them up by type: see Provide and Use.
//
//	build   calls the constructors; no goroutine, no I/O
//	start   opens the stages from the sink to the source, then runs the source
//	drain   stops the source; the emitted elements flow on, and every stage flushes
//	fail    ends the run with a stage's error: the elements that it emitted are drained, and the
//	        following stages flush; the elements before it are released, as by an abort
//	abort   ends the run from outside, at once: the elements in flight are released
//
// Run.Stop drains, and aborts a run that has not drained in time. Run.Done closes when every stage has ended.
// Run.Err, Run.Reason, Run.Report and Run.Status return the result and the state. Package recorder keeps
// pipelines of many streams running, by a schedule or by request.
//
// # Add a stage
//
// A stage is a type with the methods of Source, Transform, Buffer or Sink. Its own file
// registers it in init with RegisterSource, RegisterTransform, RegisterBuffer or RegisterSink. An output has settings alone
// (RegisterOutput): the clients that watch a stream read it in place.
// Its settings are a struct. A stage starts no goroutine and makes no channel: the framework
// calls it, one call at a time (a Buffer has two sides).
//
// An element with a method Release owns memory by reference count. A stage that receives such an element owns
// one reference, and ends it exactly once: with Release, or with Emit. If Emit returns an error, the stage
// returns that error at once. Opener, Closer, Reporter, Triggerer and Branching are optional interfaces of
// stages. A Trait declares a property of a stage beyond its element types: see CheckMode. Meaning, Reach, Take
// and Named describe the struct tags of settings (means, reaches, takes, declared).
//
// pipelinetest.Contract tests that a stage keeps these rules however its run ends.
//
// # Operators of go-streams
//
// Runs are wired as graphs of package github.com/reugn/go-streams. FromFlow, FromSink and FromSource turn
// operators and connectors of go-streams, and those of other packages, into stages. The operators receive copies
// in memory of the garbage collector, so they can neither leak nor free counted memory. The chunks that a flow
// leaves out are counted. Checked wraps functions that may fail, Chain joins flows.
//
// # Take recordings out
//
// CompileHead compiles a list without a sink. Head.AsSource runs it and passes the elements of
// the last stage, such as media.Recording after mp4, to a go-streams graph of the program, or to
// a plain loop over RunSource.Out.
//
// # Branches and tasks
//
// A stage that feeds lists of stages, such as tee, checks each list with CompileTail and runs it as a Branch.
// Tasks owns goroutines that are not stages; Retry and Backoff repeat operations. All of these take the time
// from a Clock, which tests replace.
package pipeline
