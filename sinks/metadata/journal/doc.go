// Package journal is the append-only log of changes that the database may not have yet: a
// change that Append has returned for survives a crash and a power cut. It knows nothing of
// the database; what it held when it was opened, and what is appended, goes to one taker in
// order of revision.
//
// A directory belongs to one process at a time. Its files are named by the first revision
// they may hold; metadata's documentation has their format. A change of a kind that this
// version does not know was written by a later one: it counts as damage, and is told of.
package journal
