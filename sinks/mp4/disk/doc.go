// Package disk is a record directory and its file system as recordings see them, whatever
// the files in it hold.
//
//	FS, File        every operation that is asked of a disk, so that a test can fail any
//	                of them, or record them all and replay what a power cut leaves
//	Dir             the real FS, which nothing leads out of
//	identity        tells the directory from another disk mounted in its place
//	openfiles       which files this process writes, and how long they are
//	Writable        whether a file could be begun now, with or without a recording that
//	                needs one
//	Trouble         what an error of a disk means: for the gap, and for the operator
//	PageCache       what a growing file leaves in memory
//	Preallocation   what a growing file takes ahead of its end
//	directories     made durably, pruned when empty, named as on a disk that folds case
//	Publish         the name of a finished file
//
// What may be missing from a file system (preallocation, advice, its size) is asked
// beside the contract of FS and File: a wrapped FS that does not have it goes without.
//
// An error of one file is an *Error, which says the operation, the file, the offset, and
// what to do about it.
package disk
