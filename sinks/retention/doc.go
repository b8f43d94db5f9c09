// Package retention decides what footage goes when room or time is up, and
// deletes it.
//
//	disk --scan--> shelf --rank--> queue --rules--> evictions --file, then row
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
package retention
