// Package journal keeps the append-only log of changes that the database may lack. A change
// survives a crash and a power cut once Append has returned without error. The package does not use
// the database: Open returns the changes of earlier processes, and each later change is delivered to one
// function (DeliverTo) in order of revision.
//
// Only one process at a time can open a journal's directory. Its files are named by the lowest revision
// that they may hold; the documentation of package metadata describes their format. A change of a kind
// that this version does not know is not damage: a later version wrote it (Replayed.Newer).
package journal
