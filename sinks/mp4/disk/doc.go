// Package disk accesses a record directory and its file system for recordings, regardless of
// the content of the files.
//
//	FS, File        every disk operation, so that a test can fail any of them, or record all
//	                of them and replay the states after a power cut
//	Dir             the real FS, which no name can leave
//	identity        distinguishes the directory from another disk mounted in its place
//	openfiles       the files that this process writes, and their lengths
//	Writable        reports whether a file could be created now, with or without a recording
//	                that needs one
//	Trouble         classifies a disk error, for the gap and for the operator
//	PageCache       limits the page cache that a growing file uses
//	Preallocation   allocates blocks ahead of a growing file's end
//	directories     created durably, pruned when empty, spelled as on a case-insensitive disk
//	Publish         renames a finished file to its final name
//
// Operations that a file system may lack (preallocation, advice, capacity) are optional
// interfaces beside FS and File: a wrapped FS without them works without.
//
// An error of one file is an *Error, which has the operation, the file, the offset and the
// remedy.
package disk
