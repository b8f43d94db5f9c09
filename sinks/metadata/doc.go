// Package metadata is the catalogue: one row about every recording, in SQLite,
// PostgreSQL or MySQL, behind a local journal so that recording never waits for SQL.
//
//	pipeline --Recording--> Put --> journal (one fdatasync for all callers that wait)
//	                                   |
//	                                pending (in memory) --> apply, batched, in the background --> database
//	                                   |                                                            |
//	                                Records, Record  <------------------ merge ---------------------+
//
// # Exactly once
//
// Every change gets a revision: nanoseconds of the wall clock, raised so that it
// never repeats or decreases (the journal's files carry it over a restart). A
// batch is one transaction that also moves the journal's position in the table
// spool_journals, so that a replay after a kill begins behind the changes that the
// database holds. When a change comes again all the same (the answer of a commit was
// lost), the upsert compares revisions and never moves a row backwards.
//
// # Journal
//
// The journal is a directory of files, named by the first revision that they may hold:
//
//	file    magic "SPOOLJ01" | journal ID 16 | base revision 8 | crc32c of these 4
//	record  marker "rec\n" 4 | length 4 | crc32c 4 | revision 8 | kind 1 | payload JSON
//
// Integers are little-endian. The length is that of the payload; a record's checksum
// covers length, revision, kind and payload. A process never appends to a file
// of an earlier process, so a torn tail needs no repair. A file is removed once the
// database holds all of its changes. After damage, reading goes on at the next whole
// record; the skipped bytes are counted.
//
// A later format keeps the header, with another magic, and a later version of this format may
// have more kinds, whose payload is a JSON object too. A newer version wrote, therefore, every
// file or record that has a good checksum and that this version cannot read. Until that version,
// or a later one, runs again, no change behind it is applied and no file is removed
// (NewerJournalError), unless the database holds all of these changes already. Recording goes on,
// and new changes wait in the journal.
//
// # When the database does not take rows
//
// database.TroubleOf classifies an error by its consequence for the waiting changes:
//
//	away        the database gives no answer, or refuses writes: apply retries with growing pauses, over new
//	            connections, in smaller batches; so it follows read-only servers, failovers and moved addresses
//	table gone  the same, and apply runs the migrations. A start, or a reindex, creates the table again, empty,
//	            and the comparison with the disk fills it; while recorders run an administrator may be restoring it
//	row         the batch is halved until the refused row is alone. That row is set aside (aside.go): a JSON file in
//	            the journal's directory aside, with the error. It stays listed and is tried again
//
// Stats reports since when, how often, why and what to do. The journal's position shows when the
// database lacks changes that it took before (a standby that was behind, a backup): see Behind.
//
// # Schema
//
// Package database opens the database and keeps its schema. The places of footage are in a
// table of their own, spool_locations: see location.go. location_gone.go describes what happens
// to the other places when the recorder's own file is lost, evicted or deleted: a recording
// that another place holds whole stays, with the state remote; it is lost once no place holds it
// whole. The other places of a deleted recording have the state unwanted until their owner has
// deleted the footage.
//
// Times are integers: nanoseconds of UTC. They are exact on all three databases
// (MySQL's own types end at microseconds, SQLite has none), no session's time
// zone can shift them, and an index compares them as they are.
//
// An overlap query ("which recordings lie between X and Y") reads two indexes. Rows
// that begin in the window come from (start). Rows that began before it come
// from (span, start), where span is the row's length class; each class is four times
// longer than the last. Within a class, only rows that began at most the class's
// longest length before X can reach into the window, and a stream has only a
// handful of those.
package metadata
