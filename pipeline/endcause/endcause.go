// Package endcause lists the reasons for which a recording ends. The framework and the recorder set
// some as the reason of a run's end, stages set others as the reason of a segment's end; the file
// and the catalogue store them. They are stored and shown unchanged, so a value is never renamed.
// They are untyped: the framework, which does not know media, uses a reason as text, and package
// media as a Cause.
package endcause

// Reasons for the end of a run.
const (
	Stop       = "stop"        // a request stopped it
	Duration   = "duration"    // the requested duration has passed
	Shutdown   = "shutdown"    // the process shuts down
	SourceLost = "source_lost" // the publisher left
	EndOfFile  = "end_of_file" // a finite source reached its end
	Replaced   = "replaced"    // another publisher took over the path
	Schedule   = "schedule"    // the scheduled window is over
	Reload     = "reload"      // the declaration of the pipeline changed
	NoRoom     = "no_room"     // the disk is full, and retention may delete nothing
	Error      = "error"       // a stage failed: the following stages are drained
	Replayed   = "replayed"    // Replay has no further elements
)

// Reasons for the end of a segment within a run.
const (
	MaxDuration   = "max_duration"   // cut on a sync sample
	MaxSize       = "max_size"       // cut on a sync sample, or ended long past the limit without one
	Aligned       = "aligned"        // cut on a sync sample, by the wall clock
	Forced        = "forced_cut"     // in old rows: cut without a sync sample, so the next file cannot be decoded
	TracksChanged = "tracks_changed" // resolution, codec or parameter sets
	Gap           = "gap"            // media is missing, or time jumped
	Event         = "event_end"      // the time after the last trigger has passed
	Crash         = "crash"          // the process or machine failed; set by recovery
)
