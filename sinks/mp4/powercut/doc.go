// Package powercut provides a disk in memory for tests of durability. It logs its operations, so
// that a test can simulate a power cut after any operation, and examine the states in which a
// real disk may be then.
//
//	disk := powercut.New()
//	... the tested code works on disk; the test records with disk.Note what must survive now ...
//	for s := range disk.States(options) { ... recover s.Disk, compare with s.Notes ... }
//
// # Guarantees of a disk
//
// After File.Sync the file's bytes and its size are durable. After SyncDir the names in that
// directory are durable. There are no other guarantees, and in particular no order: of the
// operations that were not synced any subset may be on the disk.
//
//	write      all, none or any of its sectors of 512 or 4096 bytes are written; the file's new
//	           size may be there without them (metadata before data): missing bytes then read as
//	           zeros, or as stale bytes, which a removed file left on these blocks
//	truncate   done or not; added bytes read as zeros or as stale bytes
//	allocate   done or not, which is invisible; or the allocated room is part of the file, as
//	           after a file system check that trusts allocated blocks more than the size
//	a name     added, removed or changed, or not; each one separately and completely
//
// A sync of a file does not make its own name durable, although most file systems do that. A
// write within a sector is atomic: disks guarantee that, and package mp4 relies on it when it
// commits a finished file.
//
// # Choice of states
//
// The possible states are too many to visit all. A cut is a power cut after an operation; pending
// are the operations that no sync has made durable then. For each cut these states are visited,
// each once:
//
//	all pending operations kept; all lost
//	the first n of them kept, for each n; one of them lost; one of them kept
//	sizes without bytes, of all pending writes or of one, reading as zeros or as stale bytes
//	the last write torn at each sector boundary, with its beginning or its end kept
//	the requested number of random combinations
package powercut
