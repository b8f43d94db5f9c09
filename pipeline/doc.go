// Package pipeline runs media through typed stages that are declared in YAML: it checks the
// declaration, makes and supervises every goroutine, and drains or aborts a run as a whole.
// It knows no stage and not what flows; both come from packages that register stages.
//
// # Declare and compile
//
// A pipeline is a list of stages, each a name with its settings. The first is a source, the
// last a sink, and each takes what the one before it gives:
//
//	[source, gop_ring: {before: 10s}, segmenter: {max_duration: 10m}, mp4: {record_path: /srv}, metadata]
//
// A stage is known once its package is imported. config.Parse reads YAML, and config.FromAny
// what Go code has put together. Compile checks names, settings and order, and does no I/O: all
// problems come at once, each with file, line and what to do. Stages lists what is there.
//
// # Run
//
// Plan.Build makes a Run for one stream. What stages need of the program, such as the pool of
// the media, it finds in Env.Services, by type: see Provide and Use.
//
//	build   no goroutine, no I/O
//	start   opens the stages from the sink up, then runs the source
//	drain   the source is told to stop; what it has emitted flows on, and every stage flushes
//	fail    a stage's error ends the run: what it has emitted is drained, and the stages
//	        behind it flush; what is before it is released, as after an abort
//	abort   from outside, at once: what is on its way is released
//
// Run.Stop drains for a time and aborts then. Run.Done closes when no stage does anything any
// more; Run.Err, Run.Reason, Run.Report and Run.Status tell the rest. A program that keeps
// recordings of many streams running, by a schedule or by request, has package recorder.
//
// # Add a stage
//
// A stage is a type with the methods of Source, Transform, Buffer or Sink, and a call of
// RegisterSource, RegisterTransform, RegisterBuffer or RegisterSink in init of its own file.
// Its settings are a struct. It starts no goroutine and makes no channel: the framework calls
// it, one call at a time (Buffer has two sides).
//
// An element that has a method Release owns memory by reference count: a stage that is given
// one owns one reference, and ends it once, by Release or by Emit. Errors of Emit are returned
// at once. Opener, Closer, Reporter, Triggerer and Branching are for stages that need them. A
// Trait says what a stage does beyond its types, so that Plan.CheckMode can judge a list.
// The tags of settings (means, reaches, declared) are at Meaning, Reach and Named.
//
// pipelinetest.Contract proves that a stage keeps all this, through every life of a run.
//
// # Operators of go-streams
//
// Runs are wired as package github.com/reugn/go-streams does. FromFlow, FromSink and FromSource
// make stages of any of its operators and connectors, and of those of others. They get copies
// in memory of the garbage collector, never counted memory: no reference can be lost in them.
// What they leave out is counted. Checked guards functions that may fail, Chain joins flows.
//
// # Take recordings out
//
// CompileHead takes a list without a sink. Head.AsSource runs it, and gives what the last stage
// makes, such as media.Recording behind mp4, to a go-streams graph of the program's own, or to a
// plain loop over RunSource.Out.
//
// # More runs in one
//
// A stage that feeds lists of stages, such as tee, checks each with CompileTail and runs it as
// a Branch. Tasks owns goroutines that are no stages; Retry and Backoff try again. All of them
// go by a Clock that a test can turn.
package pipeline
