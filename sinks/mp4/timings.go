package mp4

import "time"

// Timings is told how long the disk took. A program that wants to know provides
// one (pipeline.Provide); its methods are called from many pipelines at once, for
// each chunk, and must not wait.
type Timings interface {
	Wrote(time.Duration)    // a chunk was handed to the system
	Synced(time.Duration)   // what was written is on the disk
	Finished(time.Duration) // a file was given its moov, synced and renamed
}

// untimed is for a program that does not ask.
type untimed struct{}

func (untimed) Wrote(time.Duration)    {}
func (untimed) Synced(time.Duration)   {}
func (untimed) Finished(time.Duration) {}
