// Package retention decides which footage is deleted to make room or because of its age, and
// deletes it.
//
//	disk --scan, notices--> index --rank--> queue --rules--> evictions --file, then row
//
// # Order of deletion
//
//	orphan      temporary files, and unfinished files that nothing writes and recovery could not finish
//	expired     older than expire_days, orphans included: deleted without any shortage
//	footage     unprotected continuous recordings, the lowest priority first, then the oldest
//	event       unprotected recordings of events, likewise
//
// Retention never deletes a file that is protected, being written, being read, younger than
// keep_at_least, or not ours. If a rule finds nothing more to delete, retention stops the
// recording that has no room, logs an error, and keeps the remaining footage. It starts the
// recording again when there is room.
//
// # Expiry
//
// Footage expires only by a believed clock (wallclock.Judge): the kernel reports it as
// synchronised, or it has agreed for an hour with the newest file, row and journal entry, and
// was not set within the last hour. Until then nothing expires, and room is made in the order
// above; no setting changes that.
//
// A mass expiry is more expired footage at once than the passing of time explains: the clock
// is wrong in spite of the checks, the recorder was off for weeks, expire_days was lowered
// (it is read at the start only), or old footage was copied in. The footage that had expired
// before the last look, or before the start, is a mass expiry if it exceeds a day of one
// stream, or a tenth of all files or bytes; a single file, if it is half of them. In doubt
// retention holds it: one WARN reports it, GET /mp4/health and GET /mp4/retention show it, and
// neither it nor footage that expires meanwhile is deleted:
//
//	mass_expiry: wait     until the recorder has run for a day, restarts within a week included,
//	                      by a clock that was believed and not set
//	             confirm  until an operator confirms it: POST /mp4/retention/confirm
//	             allow    it is deleted as soon as the clock is believed
//
// A confirmation also ends the wait under wait, and the wait for the clock. It covers the
// footage that has expired by then, and the clock until it is set again.
//
// A file whose own date cannot be right gets another one: see dates. A file that is ahead of
// the clock counts as new, and makes no other file old.
//
// # The disk alone decides
//
// Retention reads everything, protection included, from the entry that each file carries. It
// reports deletions to the database, and queries it only for protection that a file lacks. A
// database that is down, lost or empty causes no deletion and no stop.
//
// # Marks
//
// A shortage begins at the configured mark and ends a little below it, so that files are
// deleted in batches. The disk is measured once a second. Retention keeps free in advance
// twice the most that the disk filled between two recent measurements, up to an eighth of the
// disk.
//
// If a limit on the disk is configured, a shortage of inodes deletes the oldest files, too.
//
// # Between two scans
//
// A scan of the whole directory finds only the changes that no notice reported. Recorders
// report each chunk and each finished file, and the API reports its deletions (ledger.go): the
// totals are right at any time, and a file is opened only when it appears and before it is
// deleted. The keeper wakes as soon as the next chunk of each open file would not fit. So
// max_bytes and the marks of the disk are exceeded by no more than recorders write during a
// deletion: a chunk per open file, their directories and the header of a new file. If nothing
// may be deleted, since all footage is growing or kept, the limit is exceeded until a
// recording has been stopped. The totals count the lengths of files; only the marks of the
// disk count the room that a growing file has preallocated. After a start nothing is known
// until the first scan ends.
package retention
