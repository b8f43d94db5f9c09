// Package powercut provides a disk in memory that logs its operations, so that a test can cut
// the power after any operation and examine every state in which a real disk may be then.
//
//	disk := powercut.New()
//	... a program works on disk, and records its promises with disk.Note ...
//	for s := range disk.States(options) { ... recover s.Disk, compare with s.Notes ... }
//
// # Guarantees of a disk
//
// After File.Sync the file's bytes and its size are durable. After SyncDir the names in that
// directory are durable. There are no other guarantees, and in particular no order: of the
// operations that were not synced any subset may be on the disk.
//
//	write      all of it, nothing, or any of its sectors of 512 or 4096 bytes; its size with
//	           or without them, so that missing bytes read as zeros (metadata before data),
//	           or as the bytes that a removed file left on these blocks
//	truncate   done or not; added bytes read as either, too
//	allocate   done or not, which is invisible; or the room is part of the file, as after a
//	           check of the file system that believes blocks before sizes
//	a name     added, removed or changed, or not; each one separately and completely
//
// A sync of a file does not make its own name durable, although most file systems do that. A
// write within a sector is atomic: disks guarantee that, and the commits of a file rely on it.
//
// # Choice of states
//
// There are too many states to visit all. After each operation (a cut) these are visited, each
// once:
//
//	all pending operations, and none
//	each prefix of them; each single operation lost, or kept, alone
//	the sizes without the bytes, of all or of one write, and with stale bytes
//	the last write torn at each sector boundary, its beginning or its end kept
//	the requested number of random choices of all that
package powercut
