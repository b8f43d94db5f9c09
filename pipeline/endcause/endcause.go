// Package endcause lists the reasons for which a run of a pipeline, or a segment within it, ends. The framework
// and the recorder set the reason of a run's end, and stages set that of a segment's end. Files, rows and
// answers contain the word itself, so a value is never renamed. The constants are untyped: the framework, which
// does not know media, uses a reason as a string, and package media uses it as a Cause.
package endcause

// The reasons for the end of a run.
const (
	Stop       = "stop"        // a client or an operator stopped it
	Duration   = "duration"    // the requested duration has passed
	Shutdown   = "shutdown"    // the process shuts down
	SourceLost = "source_lost" // the publisher left
	EndOfFile  = "end_of_file" // a finite source reached its end
	Replaced   = "replaced"    // another publisher took over the path
	Schedule   = "schedule"    // the scheduled window is over
	Reload     = "reload"      // the declaration of the pipeline changed
	NoRoom     = "no_room"     // the disk is full, and retention found no file that it may delete
	Error      = "error"       // a stage failed; the following stages are drained
	Replayed   = "replayed"    // pipeline.Replay has passed on all its elements
)

// The reasons for the end of a segment within a run.
const (
	MaxDuration = "max_duration" // the file reached its longest duration and ended at a sync sample
	// The file reached its largest size and ended at a sync sample, or long after the bound because no sync
	// sample arrived.
	MaxSize       = "max_size"
	Aligned       = "aligned"        // the file ended at a sync sample at an aligned time of the wall clock
	Forced        = "forced_cut"     // only in old rows: the next file does not begin with a sync sample
	TracksChanged = "tracks_changed" // the resolution, the codec or the parameter sets changed
	Gap           = "gap"            // media is missing, or media time jumped
	Event         = "event_end"      // the time after the last trigger of an event has passed
	Crash         = "crash"          // the process or the machine failed; recovery sets it
)
