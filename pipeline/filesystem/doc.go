// Package filesystem makes the calls that some file systems refuse, and falls back to others:
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
// A refusal is one of a few errors, which differ from call to call: see refusals. Every other
// error, such as EIO or ENOSPC, is returned to the caller.
//
// Probe reports which calls a directory's file system refuses, and the consequences.
// CapacityOf reports how large a file system is and how much of it is free.
package filesystem
