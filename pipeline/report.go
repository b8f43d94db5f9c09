package pipeline

import "time"

// Report is the state of one run, filled in by its stages. Each stage sets the fields that it
// knows.
type Report struct {
	// From the segmenter and the muxer.
	Recording   bool          // a file is open and grows
	Waiting     string        // the thing that the run waits for ("publisher", "key frame", "trigger"), else empty
	File        string        // path of the open file, else of the last one
	StartedAt   time.Time     // wall clock of the open file's first access unit
	Duration    time.Duration // of the media in it
	Lasted      time.Duration // the same by the wall clock: longer for a time-lapse
	Segments    uint64        // files begun in this run
	Bytes       int64         // written to the open file
	TotalBytes  int64         // written in this run
	AccessUnits uint64        // written in this run

	// Durability.
	LastAccessUnit time.Time // wall clock of the last access unit that was received
	LastWritten    time.Time // wall clock up to which media is written: a kill loses nothing before it
	LastDurable    time.Time // wall clock up to which media is synced: a power cut loses nothing before it
	Gaps           uint64
	Drops          []Drop
	LastError      string    // of a stage that continued after it
	Warnings       []string  // settings that could not be met in full, with the remedy
	Problems       []Problem // present problems

	// From the ring.
	RingBytes, RingMaxBytes int64
	RingSpan                time.Duration
	RingChunks              int

	Finish Finish // of the last file that was finished
}

// Problem is a present fault: GET /mp4/health lists those of every stream and of the process,
// status those of one stream.
type Problem struct {
	Problem string    `json:"problem"` // a stable word for machines, such as "disk_full"; never renamed
	Since   time.Time `json:"since"`
	Stream  string    `json:"stream,omitempty"` // empty: concerns the whole process, or the caller fills it in
	Cause   string    `json:"cause"`            // the cause in words
	Remedy  string    `json:"remedy"`           // the remedy in words
	Failing bool      `json:"-"`                // media that should be recorded is not; else recording continues with restrictions
}

// Drop counts the losses of one cause.
type Drop struct {
	Stage       string `json:"stage"`
	Cause       string `json:"cause" doc:"a stable word for what it counts: {drop_causes}"` // one of media.DropCauses, or a word of a stage of another module
	AccessUnits uint64 `json:"access_units" doc:"how many of what the cause counts"`
	Bytes       uint64 `json:"bytes" doc:"of them, where they are counted"`
}

// Finish reports the cost of finishing a file.
type Finish struct {
	File         string        `json:"file,omitempty"`
	BytesWritten int64         `json:"bytes_written,omitempty"`
	FileBytes    int64         `json:"file_bytes,omitempty"`
	Took         time.Duration `json:"-"`
}

// Beside adds the report of a branch. Of a field with one value, the first branch that has it
// counts, so the order of branches matters; losses and problems are all listed, with the branch's
// name. The durability times are those of the branch furthest behind.
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

// earliest returns the earlier of two times; the zero time is before any.
func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
