// Package metadata is the catalogue: one row about every recording, in SQLite,
// PostgreSQL or MySQL, behind a local journal so that footage never waits for SQL.
//
//	pipeline --Recording--> Put --> journal (fdatasync, one for all that wait)
//	                                   |
//	                                pending (in memory) --> apply, batched, in the background --> database
//	                                   |                                                            |
//	                                Records, Record  <------------------ merge ---------------------+
//
// # Exactly once
//
// Every change gets a revision: nanoseconds of the wall clock, raised so that it
// never repeats or goes back (the journal's files carry it over a restart). A
// batch is one transaction that also moves the journal's position in the table
// spool_journals, so that a replay after a kill begins behind what the database
// has. Should one come again all the same (a commit whose answer was lost), the
// upsert compares revisions and never moves a row backwards.
//
// # Journal
//
// A directory of files named by the first revision they may hold:
//
//	file    magic "SPOOLJ01" | journal ID 16 | base revision 8 | crc32c of these 4
//	record  marker "rec\n" 4 | length 4 | crc32c 4 | revision 8 | kind 1 | payload JSON
//
// Integers are little-endian; length is the payload's; a record's checksum
// covers length, revision, kind and payload. A process never appends to a file
// of an earlier one, so a torn tail needs no repair. A file is removed when all
// it holds is in the database. Reading goes on at the next whole record after
// damage; what was skipped is counted.
//
// A later format keeps the header, with another magic, and a later version of this one may
// have more kinds, whose payload is an object of JSON too. So a file or a record with a good
// checksum that this program cannot read is no damage: a newer version wrote it. Then nothing
// that is behind it is applied and no file is removed until that version, or a later one, is
// back (NewerJournalError), unless the database has all of it already. Recording goes on, and
// what is new waits in the journal.
//
// # When the database does not take rows
//
// Errors are told apart by what they mean for what waits (database.TroubleOf):
//
//	away        no answer, or no write: tried again with growing pauses, by new connections, in smaller
//	            batches; so read-only servers, failovers and addresses that move are followed
//	table gone  the same; what can be migrated is. A start, or a reindex, makes the table again, empty,
//	            and the comparison with the disk fills it; while recorders run it may be about to come back
//	row         the batch is halved until the row is alone, which is set aside (aside.go): a file of JSON in the
//	            journal's directory aside, with the error. It stays listed and is tried again
//
// Stats says since when, how often, why and what to do. A database that lacks what it
// took before (a standby that was behind, a backup) is noticed by the journal's position
// in it: see Behind.
//
// # Schema
//
// Package database reaches the database and keeps its schema. Where footage lies is a table
// of its own, spool_locations: see location.go. What becomes of the other places when the
// recorder's own file is lost, evicted or deleted is said in location_gone.go: a recording
// that another place has whole is remote and stays, is lost once no place has it any more,
// and what is elsewhere of one that was deleted is unwanted until whoever has that place has
// deleted it.
//
// Times are integers: nanoseconds of UTC. They are exact on all three databases
// (MySQL's own types end at microseconds, SQLite has none), no session's time
// zone can bend them, and they compare in an index as they are.
//
// Overlap ("what was recorded between X and Y") is asked of two indexes. Rows
// that begin in the window come from (start). Rows that began before it come
// from (span, start), where span is the class of the row's length, four times
// longer each: within a class only the rows that began at most the class's
// longest length before X can reach into the window, and a stream has only a
// handful of those.
package metadata
