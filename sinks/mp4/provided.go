package mp4

import "time"

// A program may provide the following (pipeline.Provide) to observe growing files. Many
// pipelines call the methods and functions concurrently; they must not block. All are
// optional.

// Growth receives the length of each growing file after each chunk, so that a program can
// limit the sum. Files are absolute paths.
type Growth interface {
	// Grew reports a file's length in bytes.
	Grew(file, stream string, bytes int64)
	// Closed reports that the recorder has finished a file, and the file's final name.
	Closed(file, as string)
}

// OnUnfinished receives the path of each file that a recording left unfinished, because its
// disk failed or its pipeline was aborted. A program can recover such files while it runs.
type OnUnfinished func(file string)

// OnTrouble receives the error when a recording finds that the disk accepts no media, and nil
// when the disk accepts files again. A program can make room at once, or resume waiting work.
type OnTrouble func(error)

// Timings receives the durations of a file's disk operations.
type Timings interface {
	Wrote(time.Duration)    // a chunk was written to the page cache
	Synced(time.Duration)   // the written bytes were synced
	Finished(time.Duration) // a file was completed, synced and renamed
}

// FlushInterval is the longest duration of a chunk. Each file stores the value that the program
// provides: after a crash it limits the media that was in memory only.
type FlushInterval time.Duration

// noGrowth is the Growth of a program that provides none.
type noGrowth struct{}

func (noGrowth) Grew(string, string, int64) {}
func (noGrowth) Closed(string, string)      {}

type noTimings struct{}

func (noTimings) Wrote(time.Duration)    {}
func (noTimings) Synced(time.Duration)   {}
func (noTimings) Finished(time.Duration) {}

// MayRecord returns why recording to a directory is forbidden, or nil. The directory is an
// absolute path, to be resolved with its current links. It is called each time that the
// directory is opened.
type MayRecord func(dir string) error
