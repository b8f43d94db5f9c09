// Package retention decides which footage is deleted to make room or because of its age, and
// deletes it.
//
//	disk --scan, notices--> index --rank--> queue --rules--> evictions --file, then row
//
// The index lists the files of the record directory. The queue holds those that may be deleted,
// in the order of deletion. A rule is an exceeded limit: it demands that files are deleted.
//
// The keeper does this in looks: one a second, and one whenever a notice wakes it. A full look first
// scans the whole directory: once a minute or once an hour, see Policy.scanEvery.
//
// # Order of deletion
//
//	orphan      temporary files, and unfinished files that nothing writes and recovery could not finish
//	expired     files older than expire_days, orphans included: deleted even if there is room
//	footage     unprotected continuous recordings: the lowest priority first, then the oldest
//	event       unprotected recordings of events, in the same order
//
// Retention never deletes a file that is protected, being written, being read, younger than
// keep_at_least, or written by another program. If a limit is exceeded and nothing more may be
// deleted for it, retention stops a recording and logs an error. It starts that recording again
// when there is room.
//
// # Expiry
//
// Footage expires only while the clock is believed (wallclock.Judge): the kernel reports it as
// synchronised, or it has agreed for an hour with the newest file, row and journal entry; and it
// was not set within the last hour. While it is not believed nothing expires, and files are
// deleted to make room only; no setting changes that.
//
// A mass expiry is more expired footage at once than the passing of time explains. The causes: the
// clock is wrong in spite of these checks, the recorder was off for weeks, expire_days was lowered
// (a change takes effect at the next start), or old footage was copied in. The footage that had
// expired before the last full look, or before the start, is a mass expiry if it has more than a day
// of one stream, or more than a tenth of all files or bytes; a single file, if it is at least half of
// all files or bytes.
//
// Retention holds a mass expiry: it deletes this footage, and any that expires meanwhile, only to make
// room. It logs one warning, and shows the mass expiry in GET /mp4/health and GET /mp4/retention. The
// setting mass_expiry says when the hold ends:
//
//	wait     after the recorder has run for a day with a believed clock that was not set; runs
//	         count together if at most a week lies between them
//	confirm  when an operator confirms it: POST /mp4/retention/confirm
//	allow    at once: a mass expiry is deleted like other expired footage
//
// A confirmation ends the hold under wait, too. It also makes the clock believed until the next
// time that it is set. It covers only the footage that has expired by then.
//
// A file whose own date cannot be right gets another one: see dates. A file whose date is ahead of
// the clock counts as new. It never makes other files appear old.
//
// # The disk alone decides
//
// Retention reads the properties of a file, protection included, from the file and its facts (package
// facts). It deletes rows, and reads a row only to see whether it protects a file that is not protected
// itself. A database that is down, lost or empty causes no deletion and stops no recording.
//
// # Limits
//
// Deletion begins when a limit is exceeded and ends a margin below the limit, so that files are
// deleted in batches. The limits on the disk, min_free_bytes and disk_max_percent, apply early:
// retention expects the disk to fill by twice as much as in the fastest of the recent seconds, at
// most by an eighth of the disk, and keeps that much room in addition.
//
// If a limit on the disk is configured for all streams, retention also deletes files, in the same
// order, when the disk runs out of inodes.
//
// # Between two scans
//
// Recorders report each chunk and each finished file, and the API reports its deletions
// (ledger.go). So the totals are right between two scans, and a scan finds only changes that other
// programs made. A file is opened when it appears, when a scan finds that its length or its
// modification time has changed, and before it is deleted.
//
// A recorder's notice wakes the keeper before a limit is exceeded: when one more chunk of each open
// file would not fit. So max_bytes and the limits on the disk are exceeded at most by the bytes
// that recorders write during a deletion: a chunk of each open file, directories, and the header of
// a new file. If nothing may be deleted, the limit stays exceeded until a recording has been
// stopped.
//
// The totals count the lengths of files. The limits on the disk count its used blocks, among them
// those that a growing file has preallocated. After a start the totals are unknown, and nothing is
// deleted, until the first scan has ended.
package retention
