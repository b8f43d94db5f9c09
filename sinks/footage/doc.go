// Package footage changes a recording's file and its row in the catalogue together.
//
// # Changes and the order of their steps
//
// A finished file is immutable. Its later protection and later events are stored as its facts, a
// small file of its own (sinks/mp4/facts); "the file" below includes them.
//
//	protect   sets the protection of the file, then of the row
//	delete    removes the file, then its facts, then the row
//	event     adds the event to the row, then to the file
//	evict     removes the file, and its facts unless another location may have the whole recording;
//	          Store.Forget then deletes the rows of many evicted files at once
//	pair      links a row and an event in the catalogue only, if the recording names its maximum of events
//	recover   adds the row of a file that recovery finished, then adds missing events to the file, then protects
//	          the file and the row
//	empty     deletes the row of a file that recovery removed
//	lose      gives the row of a missing file the state lost
//	add       adds a row for a file without one, or corrects the path in its row
//	update    corrects the row from the file, and keeps the events that only the row names
//	adopt     writes this recorder's name into rows that belong to it
//
// The order follows from a crash between two steps. Protection must outlive the database, so the
// file gets it first. Reconciliation, the comparison of the rows with the disk, marks a row without
// a file as lost and adds a row for a file without one: so deletion removes the file first. The API
// reads events from the catalogue: so the row gets an event before the file.
//
// Reconciliation makes the last four changes. It calls Store.Alone for each recording whose row and
// file differ, and reads both again under the claim. It changes only the row, and only by what the
// disk shows: the next reconciliation repeats a change that a crash or a BusyError prevented. It
// also removes facts without a row and a file. It adopts rows, and deletes the rows of recordings
// that were lost long ago, in batches by Store.AloneWith.
//
// Find lists the recordings that overlap an event; the caller then calls AddEvent or PairEvent for
// each. Find first waits for the files that are about to end, until their rows are complete.
// Recovery does not use Find: Store.Recovered adds the events of a recovered file itself.
//
// # Ownership of a file
//
// The row of another recorder on the same database holds a path below that recorder's
// directory; a local file at the same path is a different recording. A row therefore permits a
// change of a file only if the row is this recorder's and the file carries the row's ID: see
// Store.own and Store.Check. No other code decides which files may be changed.
//
// # One change of a recording at a time
//
// A change claims its recording before it reads the row, and releases the claim when file and
// row are written. Another change of the same recording waits for at most Options.Patience and
// then returns a BusyError. A claim concerns one recording, and no mutex is locked during a
// database call: a database that hangs delays no change of another recording. Eviction never waits
// for a claim, and queries the database before it claims. Forget claims the recordings of many
// evicted files at once. A caller that holds several claims never waits for another one, so that
// two callers cannot wait for each other.
package footage
