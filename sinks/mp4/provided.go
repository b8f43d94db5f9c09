package mp4

import "time"

// What follows is provided by a program (pipeline.Provide) that wants to be told of
// files while they grow. The methods and functions are called from many pipelines at
// once, and must not wait. A program need not provide any.

// Growth is told how long the files of recordings are while they grow, for each
// chunk. A program that limits their sum provides one. Files are absolute paths.
type Growth interface {
	// Grew says that a file has so many bytes now.
	Grew(file, stream string, bytes int64)
	// Closed says that its recorder is done with a file, and what name it has now.
	Closed(file, as string)
}

// OnUnfinished is told of each file that a recording let go of unfinished, by its
// path: its disk failed, or its pipeline was aborted. A program that wants to recover
// such files while it runs provides one.
type OnUnfinished func(file string)

// OnTrouble is told when a recording finds that the disk takes nothing, with the
// error, and with nil when it takes files again. A program that wants to make room
// at once, or to catch up when the disk is back, provides one.
type OnTrouble func(error)

// Timings is told how long the disk took, for each chunk. A program that wants to know
// provides one.
type Timings interface {
	Wrote(time.Duration)    // a chunk was handed to the system
	Synced(time.Duration)   // what was written is on the disk
	Finished(time.Duration) // a file was given its moov, synced and renamed
}

// FlushInterval is how long a chunk may get. A program provides its own, and each file carries
// it: it bounds what was in memory only when the program died.
type FlushInterval time.Duration

// unmeasured and untimed are for a program that does not ask.
type unmeasured struct{}

func (unmeasured) Grew(string, string, int64) {}
func (unmeasured) Closed(string, string)      {}

type untimed struct{}

func (untimed) Wrote(time.Duration)    {}
func (untimed) Synced(time.Duration)   {}
func (untimed) Finished(time.Duration) {}

// MayRecord says why nothing may be recorded to a directory, an absolute path, as its links
// lead now; nil: it may. It is asked each time that the directory is opened.
type MayRecord func(dir string) error
