// Package journal keeps the append-only log of changes that the database may lack. A change
// survives a crash and a power cut once Append has returned. The package knows nothing of the
// database; it delivers the changes that it read at the start, and those that are appended, to
// one function in order of revision.
//
// One process at a time may lock a directory. Its files are named by the first revision
// that they may hold; the documentation of package metadata has their format. A change of a kind
// that this version does not know was written by a later version: it is reported as Newer, not
// as damage.
package journal
