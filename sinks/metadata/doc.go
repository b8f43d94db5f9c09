// Package metadata implements the catalogue: one row for every recording, in SQLite,
// PostgreSQL or MySQL, behind a local journal so that recording never waits for SQL.
//
//	pipeline --Recording--> Put --> journal (one fdatasync for all callers that wait)
//	                                   |
//	                                pending (in memory) --> apply, batched, in the background --> database
//	                                   |                                                            |
//	                                Records, Record  <------------------ merge ---------------------+
//
// A change is pending from its write to the journal until the database has committed it. apply
// writes the pending changes to the database, in order. Queries read both.
//
// # Exactly once
//
// Every change gets a revision: the time in nanoseconds since 1970 UTC, or the last revision plus one if
// that is higher. Revisions never repeat or decrease, also over restarts: the journal's files hold them. A
// batch is one transaction that also stores the journal's position in the table
// spool_journals: the revision up to which the database holds the journal's changes. A replay after
// a kill begins behind it. When a change is applied twice all the same (the answer of a commit was
// lost), the upsert compares revisions and never replaces a newer row by an older one.
//
// # Journal
//
// The journal is a directory of files, named by the first revision that they may hold:
//
//	file    magic "SPOOLJ01" | journal ID 16 | base revision 8 | crc32c of these 4
//	record  marker "rec\n" 4 | length 4 | crc32c 4 | revision 8 | kind 1 | payload JSON
//
// The numbers are sizes in bytes. Integers are little-endian. The length is that of the payload; a
// record's checksum covers length, revision, kind and payload. A process never appends to a file
// of an earlier process, so an incomplete record at the end of such a file needs no repair. Each file
// but the newest is removed once the database holds all of its changes. Behind damaged bytes, reading
// continues at the next whole record; the damaged bytes are counted.
//
// A later version of spool may write files with another magic, or records of further kinds whose
// payload is a JSON object. This version recognises both by their checksums. While the database lacks
// one of these changes, this version applies no change and removes no file (NewerJournalError), until
// the later version runs again. Recording continues, and new changes wait in the journal.
//
// # When the database refuses or does not answer
//
// database.TroubleOf classifies an error by its consequence for the pending changes:
//
//	no answer, or writes refused  apply retries with growing pauses, over new connections and with smaller
//	                              batches. So it resumes after a failover, or when a server is writable again
//	table or column missing       apply retries in the same way, and runs the migrations. A missing table is
//	                              created again, empty, only at a start or by a reindex, and reconciliation fills
//	                              it: while recorders run, an administrator may be restoring it
//	row refused                   apply halves the batch until the refused row is alone, and sets that row aside
//	                              (aside.go): it stores the row in a JSON file, lists it in queries, and retries it
//
// Stats reports the failure, its begin and the remedy. Behind reports that the database lost changes
// that it had committed, because it was restored from a backup or a standby took over.
//
// # Reconciliation
//
// Reconcile compares the rows with the files of the record directory. It adds missing rows, corrects
// others, and marks rows without a file as lost. It runs at a start and by spool reindex.
//
// # Schema
//
// Package database opens the database and keeps its schema. The locations of a recording are in a
// table of their own, spool_locations: see location.go. When the recorder's own file is lost, evicted
// or deleted, the other locations decide whether the row stays: see location_gone.go.
//
// Times are integers: nanoseconds since 1970 UTC. They are exact on all three databases
// (MySQL's own types end at microseconds, SQLite has none), no session's time
// zone can shift them, and an index compares them as they are.
//
// A query for the recordings that overlap a window reads two indexes. The index (start) yields the
// rows that begin within the window. The index (span, start) yields those that begin before it: span
// is the row's length class, and the greatest length of each class is four times that of the class
// below. Only those rows of a class can reach into the window that begin before it by at most the
// class's greatest length: a few rows of each stream. Two classes have no greatest length: very long
// recordings, which are few, and growing ones.
package metadata
