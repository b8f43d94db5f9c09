// Package filesystem makes the calls that not every file system has, and puts
// another in the place of one that is refused:
//
//	renameat2(RENAME_NOREPLACE)  a hard link and an unlink; without links a look and a plain
//	                             rename, which excludes this process only
//	flock                        a lock file, see Calls.Lock
//	fdatasync                    fsync
//	fsync of a directory         syncfs, for all of the file system
//	fsync of a file, syncfs      nothing: the file system writes when it likes
//	fallocate                    the caller writes zeros, or does without
//	punch                        nothing: the room stays taken
//	fchmod, fchown               nothing: a file has the mode and the group of the mount
//
// A refusal is one of a few errors, which differ from call to call: see Refused. Any
// other error, such as EIO or ENOSPC, is the caller's to know.
//
// Probe says beforehand what a directory's file system refuses, and what that means.
// CapacityOf says how much a file system holds and has left.
package filesystem
