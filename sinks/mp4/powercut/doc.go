// Package powercut is a disk in memory that remembers what was asked of it, so
// that a test can cut the power after any operation and look at every state in
// which a real disk may be then.
//
//	disk := powercut.New()
//	... a program works on disk, and says what it promised with disk.Note ...
//	for s := range disk.States(options) { ... recover s.Disk, compare with s.Notes ... }
//
// # What a disk owes
//
// After File.Sync the file's bytes and its size are as they were. After SyncDir
// the names in that directory are. Nothing else is owed, and in particular no
// order: of what was not synced any part may be there and any other not.
//
//	write      all of it, nothing, or any of its sectors of 512 or 4096 bytes;
//	           the size it gave the file with or without them, so that what is
//	           missing reads as zeros (metadata before data), or as what a file
//	           that was removed had left on these blocks
//	truncate   done or not; what it adds reads as either, too
//	allocate   done or not, which nobody sees; or the room is part of the file, as
//	           where a check of the file system believes blocks before sizes
//	a name     given, taken or changed, or not; one at a time, each whole
//
// A sync of a file makes its own name no more durable than it was, although most
// file systems do more. What is within a sector is written at once or not at
// all: disks promise that, and the commits of a file rely on it.
//
// # How states are chosen
//
// There are too many to visit all. After each operation (a cut) these are taken,
// each once:
//
//	everything that was pending, and nothing of it
//	each prefix of it; each one operation lost alone, or kept alone
//	the sizes without the bytes, all of them or of one write, and with stale bytes
//	the last write torn at each sector boundary, its beginning or its end kept
//	as many random choices of all that as were asked for
package powercut
