package media

// Cause says why something ended or is missing. It is stored and shown as it
// stands, so a value is never renamed. Why a segment ended is in package endcause.
type Cause string

// Why media is missing before a point, or why time does not continue.
const (
	GapOverload      Cause = "overload"       // a bounded queue was full: whole GOPs dropped
	GapSourceLost    Cause = "source_lost"    // no publisher for a while
	GapTimestampJump Cause = "timestamp_jump" // the sender's clock jumped: no frame is missing
	GapClockStep     Cause = "clock_step"     // this machine's wall clock was set: no frame is missing
	GapStall         Cause = "stall"          // the sender was silent for long
	GapRTPLoss       Cause = DropRTPLoss      // packets were lost on the way
	GapRestart       Cause = "restart"        // the pipeline failed and was run again
	GapNoKeyFrame    Cause = "no_key_frame"   // a file was ended at its size bound, and the next one waited for a key frame
	GapTooManyFiles  Cause = "too_many_files" // what the sender sent would have begun more than a file a second
	GapDiskFull      Cause = "disk_full"      // there was no room for it
	GapNoInodes      Cause = "no_inodes"      // the filesystem took no further file
	GapDiskError     Cause = "disk_error"     // the disk failed, was read-only or away, or no file could be opened
	GapDamaged       Cause = DropDamaged      // inside a file: access units of which a part was lost, or chunks that recovery cut out
	GapFurther       Cause = "further_gaps"   // inside a file: so many more than are listed, somewhere between its begin and end
)

// Gap is what is missing immediately before a chunk or a segment, or, in a list, inside
// of it; the zero value means nothing is.
type Gap struct {
	Cause    Cause `json:"cause"`
	Duration int64 `json:"duration_ns,omitempty"` // ns of media or wall time from the last unit that was kept to the first one; 0 where nothing is missing, as after a timestamp jump
	Chunks   int   `json:"chunks,omitempty"`      // whole chunks dropped, where they were counted
	// Step is by how much this machine's wall clock was set between the file before
	// and this one, ns: by that clock this one begins Duration + Step after the end
	// of the other. 0 where it is less than MinClockStep.
	Step int64 `json:"step_ns,omitempty"`

	// What follows is known of a gap inside a recording only: see Recording.Gaps.

	StartUTC    int64 `json:"start_ns,omitempty"`     // ns; Duration is of wall clock, too
	Track       int   `json:"track,omitempty"`        // number of the one track that it is in, from 1; 0: all
	AccessUnits int   `json:"access_units,omitempty"` // that were lost, about, where it is known
	Bytes       int64 `json:"bytes,omitempty"`        // that were lost, where they were counted
	Places      int   `json:"places,omitempty"`       // how many gaps were joined to this one
}

// MinClockStep is the least change of the wall clock that ends a file, ns. The
// clock is followed in smaller ones from the next file on.
const MinClockStep = 1_000_000_000

// ClockStep is a change of the wall clock, ns, or 0 where it is too small to count.
func ClockStep(ns int64) int64 {
	if -MinClockStep < ns && ns < MinClockStep {
		return 0
	}
	return ns
}

// None reports whether there is no gap.
func (g Gap) None() bool { return g.Cause == "" }

// Lossless reports whether the gap is a break in time only: nothing is missing.
func (g Gap) Lossless() bool {
	return g.None() || (g.Cause == GapTimestampJump || g.Cause == GapClockStep) && g.Duration == 0 && g.Chunks == 0
}

// Plus is this gap and another one right behind it. The first that lost anything
// tells the cause.
func (g Gap) Plus(o Gap) Gap {
	if o.None() {
		return g
	}
	if g.None() || g.Lossless() && !o.Lossless() {
		g.Cause = o.Cause
	}
	g.Duration += o.Duration
	g.Chunks += o.Chunks
	g.Step += o.Step
	g.AccessUnits += o.AccessUnits
	g.Bytes += o.Bytes
	return g
}
