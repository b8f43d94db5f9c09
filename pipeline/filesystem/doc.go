// Package filesystem makes system calls that some file systems refuse, and falls back as follows:
//
//	renameat2(RENAME_NOREPLACE)  a hard link and an unlink; without links a look-up and a plain
//	                             rename, which excludes this process only
//	flock                        a lock file, see Calls.Lock
//	fdatasync                    fsync
//	fsync of a directory         syncfs of the whole file system
//	fsync of a file, syncfs      nothing: the file system decides when to write
//	fallocate                    the caller writes zeros, or does without
//	punch                        nothing: the room stays allocated
//	fchmod, fchown               nothing: a file has the mode and the group of the mount
//
// A file system refuses a call with one of a few errors, which differ from call to call: see refusals. Any
// other error, such as EIO or ENOSPC, is returned to the caller.
//
// Probe reports which calls the file system of a directory refuses, and what follows from that. CapacityOf
// returns the size of a file system and its free space.
package filesystem
