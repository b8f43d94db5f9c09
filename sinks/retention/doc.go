// Package retention decides what footage goes when room or time is up, and
// deletes it.
//
//	disk --scan, notices--> index --rank--> queue --rules--> evictions --file, then row
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
// # What may expire
//
// Only what is old by a clock that is believed (wallclock.Judge): one that the
// kernel says is synchronised, or that has agreed for an hour with the newest file,
// row and journal entry, and was not set within the last hour. Until then nothing
// expires, and room is made by the same order as ever; no setting changes that.
//
// More that has expired at once than time alone explains is a mass expiry: a clock
// that is wrong for all that, a recorder that was off for weeks, a shorter
// expire_days (which is read at the start only), old footage that was copied in. It
// is so when what had expired before the last look, or before the start, is more
// than a day of a stream, or a tenth of all files or bytes; a single file, when it
// is half of them. When in doubt it is held. One WARN names it, GET /mp4/health and
// GET /mp4/retention show it, and nothing of it goes, nor what expires meanwhile:
//
//	mass_expiry: wait     until the recorder has run for a day, restarts within a week included,
//	                      by a clock that was believed and not set
//	             confirm  until an operator says so: POST /mp4/retention/confirm
//	             allow    it goes as soon as the clock is believed
//
// The operator's word ends the waiting under wait too, and that for the clock; it
// holds for what has expired by then, and for the clock until it is set again.
//
// A file whose own date cannot be right has another one: see dates. What is ahead of
// the clock is new, and makes nothing else old.
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
