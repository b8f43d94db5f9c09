package pipeline

import "time"

// Report is the state of one run at one moment. Each Reporter among the stages sets its own fields.
type Report struct {
	// The segmenter and the muxer set the following fields.
	Recording   bool          // a file is open and grows
	Waiting     string        // "publisher", "key frame" or "trigger" if the run waits for it; else empty
	File        string        // path of the open file, else of the last file
	StartedAt   time.Time     // wall clock of the open file's first access unit
	Duration    time.Duration // media in the file File
	Lasted      time.Duration // Duration on the wall clock, which is longer for a time-lapse
	Segments    uint64        // files begun in this run
	Bytes       int64         // bytes written to the open file
	TotalBytes  int64         // bytes written in this run
	AccessUnits uint64        // access units written in this run

	// The following fields describe progress, losses and problems.
	LastAccessUnit time.Time // wall clock of the last access unit that the run received
	// Wall clock up to which media is written: after a kill of the process no media before it is lost.
	LastWritten time.Time
	// Wall clock up to which media is synced: after a power cut no media before it is lost.
	LastDurable time.Time
	Gaps        uint64
	Drops       []Drop
	LastError   string    // last error of a stage that then continued
	Warnings    []string  // settings that could not be applied in full, with the remedy
	Problems    []Problem // problems that exist now

	// The gop_ring sets the following fields.
	RingBytes, RingMaxBytes int64
	RingSpan                time.Duration
	RingChunks              int

	Finish Finish // cost of finishing the last file
}

// Problem is a fault that exists now. GET /mp4/health lists the problems of all streams and of the process; the
// status of a stream lists its own.
type Problem struct {
	Problem string    `json:"problem"` // a stable word for machines, such as "disk_full"; never renamed
	Since   time.Time `json:"since"`
	Stream  string    `json:"stream,omitempty"` // empty: the whole process; not set by stages
	Cause   string    `json:"cause"`            // the cause in words
	Remedy  string    `json:"remedy"`           // the remedy in words
	Failing bool      `json:"-"`                // media that should be recorded is lost at present
}

// Drop counts the media that one stage left out for one cause.
type Drop struct {
	Stage string `json:"stage"`
	// One of media.DropCauses, or a word of a stage of another module.
	Cause       string `json:"cause" doc:"a stable word for what it counts: {drop_causes}"`
	AccessUnits uint64 `json:"access_units" doc:"how many of what the cause counts"`
	Bytes       uint64 `json:"bytes" doc:"of them, where they are counted"`
}

// Finish describes the cost of finishing one file.
type Finish struct {
	File         string        `json:"file,omitempty"`
	BytesWritten int64         `json:"bytes_written,omitempty"`
	FileBytes    int64         `json:"file_bytes,omitempty"`
	Took         time.Duration `json:"-"`
}

// Beside adds the report b of a branch to r. A field that holds one value, such as File, keeps the value of the
// first branch that sets it, so the order of the calls matters. Counts are summed, and RingSpan becomes the largest.
// Drops, warnings and problems are listed with the branch's name. LastWritten and LastDurable become the earliest of
// the branches that record.
func (r *Report) Beside(branch string, b Report) {
	switch {
	case b.Recording && !r.Recording:
		r.Recording, r.LastWritten, r.LastDurable = true, b.LastWritten, b.LastDurable
	case b.Recording:
		r.LastWritten, r.LastDurable = earliest(r.LastWritten, b.LastWritten), earliest(r.LastDurable, b.LastDurable)
	}
	if r.Waiting == "" {
		r.Waiting = b.Waiting
	}
	if r.File == "" {
		r.File, r.StartedAt, r.Bytes = b.File, b.StartedAt, b.Bytes
		r.Duration, r.Lasted = b.Duration, b.Lasted
	}
	if r.Finish.File == "" {
		r.Finish = b.Finish
	}
	r.LastAccessUnit = latest(r.LastAccessUnit, b.LastAccessUnit)
	r.Segments += b.Segments
	r.TotalBytes += b.TotalBytes
	r.AccessUnits += b.AccessUnits
	r.Gaps += b.Gaps
	r.RingBytes += b.RingBytes
	r.RingMaxBytes += b.RingMaxBytes
	r.RingSpan, r.RingChunks = max(r.RingSpan, b.RingSpan), r.RingChunks+b.RingChunks
	for _, d := range b.Drops {
		d.Stage = branch + "/" + d.Stage
		r.Drops = append(r.Drops, d)
	}
	for _, w := range b.Warnings {
		r.Warnings = append(r.Warnings, branch+": "+w)
	}
	for _, p := range b.Problems {
		p.Cause = branch + ": " + p.Cause
		r.Problems = append(r.Problems, p)
	}
	if r.LastError == "" && b.LastError != "" {
		r.LastError = branch + ": " + b.LastError
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest returns the earlier of two times. The zero time is earlier than any other.
func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
