// Package disk accesses a record directory and its file system. It does not interpret the
// content of recordings.
//
//	FS, File        all disk operations, as interfaces: a test can fail any of them, or record
//	                all of them and replay the states after a power cut
//	Dir             the FS of a real directory; no name leads outside of it
//	Claim           detects another directory or disk in the place of a record directory
//	Register        publishes the files that this process writes, and their lengths
//	Writable        reports whether a file could be created now, even if no recording runs
//	Trouble         classifies a disk error: the cause of the gap, and the operator's remedy
//	PageCache       limits the page cache that a growing file uses
//	Preallocation   allocates blocks ahead of a growing file's end
//	MkdirAll        creates directories durably; Prune removes empty ones
//	AsOnDisk        spells directories as a case-insensitive file system has them
//	Publish         renames a finished file to its final name
//
// Operations that a file system may lack (preallocation, advice, capacity) are optional
// interfaces of an FS or a File: callers do without them if the value does not implement them.
//
// Errors of a file are of type *Error, with the operation, the file, the offset and the remedy.
package disk
