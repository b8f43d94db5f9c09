// Package footage changes a recording's file and its row in the catalogue together.
//
//	protect   marks the file, then updates the row
//	delete    removes the file, then the facts kept beside it, then the row
//	event     adds the event to the row, then to the file
//	evict     removes the file and the facts kept beside it; Forget deletes the rows of many files at once
//	pair      updates the row only: the file has no room for the event, or still grows
//	recover   adds the row of a finished file and the events that the file has no room for,
//	          then adds its other events and its protection to the file, then protects the row
//	empty     deletes the row of a file that recovery removed
//	lose      updates the row only: its file is gone
//	add       adds the row of a file that has none, or corrects the path of its row
//	update    corrects the row from the file, and adds the events that only the row names
//	adopt     writes this recorder's name into rows that belong to it
//
// The reconciliation with the disk makes the last four changes: it calls Store.Alone for each
// recording that differs and reads row and file again there. Each changes only the row, and
// derives it from the disk: after a crash the next reconciliation repeats the change. The same
// holds for a recording that stays busy, and for facts beside the file of a recording that has
// no row, which reconciliation removes. It adopts rows, and deletes the rows of recordings that
// have been lost for long, in batches by Store.AloneWith.
//
// The order within each change follows from a crash between its steps. Protection must
// outlive the database, so the file is marked first. The next reconciliation marks a row
// without a file as lost, while it adds a row for a file without one: so deletion removes the
// file first. The API reads events from the catalogue, so the row gets them first, whether or
// not the file has room.
//
// Find lists the recordings that overlap an event, for AddEvent and PairEvent. It waits until
// this run's updates of those rows are complete. Recovery reads, adds and reports the events
// of a file within its own change.
//
// # Ownership of a file
//
// The row of another recorder on the same database holds a path below that recorder's
// directory; a local file at the same path is a different recording. A row therefore permits a
// change of a file only if the row is this recorder's and the file carries the row's ID: see
// Store.own and Store.Check. No other code decides that.
//
// # One change of a recording at a time
//
// A change claims its recording before it reads the row, and releases the claim when file and
// row are written. Another change of the same recording waits for at most Options.Patience and
// then returns BusyError. No lock is held during a database call, so a database that hangs
// blocks no other recording. Eviction never waits for a claim, and queries the database before
// it takes one. Forget deletes the rows of many evicted files at once, under the claims of
// those recordings. A caller that holds several claims waits for no further claim.
package footage
