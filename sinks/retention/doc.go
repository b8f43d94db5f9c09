// Package retention decides what footage goes when room or time is up, and
// deletes it.
//
//	disk --scan, notices--> shelf --rank--> queue --rules--> evictions --file, then row
//
// # What goes, in this order
//
//	orphan      temporary files, and files that nobody writes and recovery could not finish
//	expired     older than expire_days, orphans too: goes without any shortage
//	footage     unprotected continuous recordings, the lowest priority first, then the oldest
//	event       unprotected recordings of events, likewise
//
// Never what is protected, being written, being read, younger than keep_at_least,
// or not ours. When a rule finds nothing more that may go, it stops the recording
// that cannot be given room, says so as an error, and keeps the rest; it is
// started again when there is room.
//
// # From the disk alone
//
// Everything is read from the entry that each file carries, protection included;
// the database is told what went and is asked only whether it knows of a
// protection that the file does not. Down, lost or empty, it deletes nothing and
// stops nothing.
//
// # Marks
//
// A shortage begins at the mark that was configured and ends a little below it,
// so that room is made in batches and not for each file. Between looks, once a
// second, the disk may fill by as much as it did at most between two of the last:
// room for twice that is made in advance, up to an eighth of the disk.
//
// Where the disk may be kept free at all, the oldest files go for want of inodes, too.
//
// # Between two scans
//
// A scan of the whole directory is only to learn what nobody told. Recorders tell of
// each chunk and of each finished file, the API of what it deletes (ledger.go), so
// that the account is right at any time and a file is opened when it comes and when
// it goes, not in between. The keeper is woken as soon as the next chunk of each
// open file would not fit. So max_bytes and the marks of the disk are passed by no
// more than what comes while files are being deleted: a chunk of each open file, and
// the room that their directories and a new file's header take. Where nothing may be
// deleted, since all that there is grows or is kept, the limit is passed until a
// recording has been stopped. The account is of the length of files; the room that a
// growing one has taken in advance is counted by the marks of the disk alone. After a
// start the first scan must end before anything is known.
package retention
