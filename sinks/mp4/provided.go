package mp4

import (
	"time"

	"github.com/gospool/spool/sinks/mp4/disk"
)

// A program may provide values of the following types (pipeline.Provide) to the stages of all
// its pipelines. All are optional. Many stages call them concurrently; they must not block.

// Growth receives the length of each growing file, when it is created and after each chunk, so that
// a program can limit the sum. Files are absolute paths.
type Growth interface {
	// Grew reports the length in bytes of a growing file, and the stream that it records.
	Grew(file, stream string, bytes int64)
	// Closed reports that the stage no longer writes a file. as is the path of the finished
	// file; it equals file if the file was removed or left unfinished.
	Closed(file, as string)
}

// OnUnfinished receives the absolute path of each file that a stage left unfinished, because the
// disk failed or the pipeline was aborted. A program can recover such files while it runs.
type OnUnfinished func(file string)

// OnTrouble receives the error when a stage finds that the disk accepts no media, and nil when
// the disk accepts files again. A program can then make room, or resume waiting work.
type OnTrouble func(error)

// Timings receives the durations of the disk operations on a file.
type Timings interface {
	Wrote(time.Duration)    // a chunk was written to the page cache
	Synced(time.Duration)   // the written bytes were synced
	Finished(time.Duration) // a file was completed, synced and renamed
}

// FlushInterval is the longest duration of a chunk. The stage stores it in each file: after a
// crash it is the upper limit of the media that was lost from memory.
type FlushInterval time.Duration

// Standalone makes the stage leave nothing but the files in the record directory: neither the identity of the directory
// nor the indexes of the files, which a server needs.
type Standalone bool

// claim claims an open record directory: see disk.Claim.
func (s Standalone) claim(fsys disk.FS, dir string) error {
	if s {
		return nil
	}
	return disk.Claim(fsys, dir)
}

// stillThere returns an error if the path dir no longer leads to the open record directory.
func (s Standalone) stillThere(fsys disk.FS, dir string) error {
	if s {
		return disk.LeadsHere(fsys, dir)
	}
	return disk.StillThere(fsys, dir)
}

// noGrowth is the Growth of a program that provides none.
type noGrowth struct{}

func (noGrowth) Grew(string, string, int64) {}
func (noGrowth) Closed(string, string)      {}

type noTimings struct{}

func (noTimings) Wrote(time.Duration)    {}
func (noTimings) Synced(time.Duration)   {}
func (noTimings) Finished(time.Duration) {}

// MayRecord returns an error if recording to a directory is forbidden. dir is an absolute path,
// which may contain symbolic links. The stage calls MayRecord each time before it opens the
// directory. If MayRecord returns an error, the stage does not open the directory, and returns the
// error.
type MayRecord func(dir string) error
