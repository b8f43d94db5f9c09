// Package footage changes a recording's file and its row in the catalogue together.
//
//	protect   the file says so, then the row
//	delete    the file goes, what is known beside it, then the row
//	event     the row names it, then the file
//	evict     the file goes, what is known beside it, then the row, with those of other files
//	pair      the row alone: the file has no room for the event, or grows
//	recover   the row of a finished file, its events that it cannot name, then in the file
//	          the events that it can, and protection: in the file, then in the row
//	empty     the row of a file that recovery removed
//	lose      the row alone: its file is gone
//	add       the row alone, as the file says: it had none, or says another path
//	update    the row alone, as the file says, and the events that only the row names
//	adopt     the name alone of rows that are this recorder's
//
// The last four are of the comparison with the disk, which the catalogue makes: it calls
// Store.Alone for each recording that differs, and reads row and file again there. Each is
// one change of the row, of what the disk says: after a crash the next comparison makes it.
// A recording that stays busy is left to that one, too. What is known beside the file of a
// recording without a row is removed in the same way. Rows are adopted many at once, by
// Store.AloneWith, and so go those of recordings that are lost for long.
//
// Each order is chosen for what a crash between its steps leaves. Protection must outlive
// the database, so the file has it first. A row without a file is marked lost by the
// next reconciliation, while a file without a row would come back: so the file goes
// first. Events are asked of the catalogue, so it has them first, whatever room the file
// has for them.
//
// Find lists the recordings of an event's time, for AddEvent and PairEvent: it waits until
// what this run of the recorder has said of them is whole. What recovery adds to a file,
// and tells of it, it reads and tells as part of its change.
//
// # Whose file it is
//
// A row of another recorder on the same database names a path below that one's
// directory, and what has the name here is another recording. So a file is touched
// because of a row only where the row is this recorder's and the file says of itself
// that it is the row's: see Store.own and Store.Check. Nothing else decides that.
//
// # One change of a recording at a time
//
// A change claims its recording, and holds the claim from the first look at the row until
// file and row are done. Another change of the same recording waits for it, for at most
// Options.Patience: ErrBusy. No lock is held while the database is asked, so that one
// that hangs keeps no other recording from being changed. Eviction never waits for a
// claim, and asks the database before it has one. The rows of many evicted files go at
// once, under the claims of those recordings: their files are gone. Who has several claims
// waits for no other.
package footage
