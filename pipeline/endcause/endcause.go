// Package endcause lists why a recording ends: the framework and the recorder give
// some of these reasons to the end of a run, stages others to the end of a segment,
// and all reach the file and the catalogue. They are stored and shown as they stand,
// so a value is never renamed. They have no type: the framework, which does not know
// what flows, takes a reason as text, and package media as a Cause.
package endcause

// Of a run, from the framework, the recorder or the publisher.
const (
	Stop       = "stop"        // asked for by a person or program
	Duration   = "duration"    // the recording's own length was reached
	Shutdown   = "shutdown"    // the process was told to stop
	SourceLost = "source_lost" // the publisher went away
	EndOfFile  = "end_of_file" // a finite source was read to its end
	Replaced   = "replaced"    // another publisher took the path over
	Schedule   = "schedule"    // the schedule's window is over
	Reload     = "reload"      // the pipeline is declared otherwise now
	NoRoom     = "no_room"     // the disk is full, and nothing on it may be deleted
	Error      = "error"       // a stage failed: those behind it are drained
	Replayed   = "replayed"    // the elements of Replay are over
)

// Of a segment, within a run.
const (
	MaxDuration   = "max_duration"   // cut on a sync sample
	MaxSize       = "max_size"       // cut on a sync sample, or ended long past the limit without one
	Aligned       = "aligned"        // cut on a sync sample, by the wall clock
	Forced        = "forced_cut"     // in old rows: cut without a sync sample, so the next file cannot be decoded
	TracksChanged = "tracks_changed" // resolution, codec or parameter sets
	Gap           = "gap"            // media is missing, or time jumped
	Event         = "event_end"      // the last trigger's after-time ran out
	Crash         = "crash"          // the process or machine died; found by recovery
)
