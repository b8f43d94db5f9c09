// Package retained describes the files on a disk, the files that retention deletes next, and the reasons.
// sinks/retention makes a Plan, package api returns it, and the command spool retention prints it.
//
// The package decides nothing, deletes nothing and reads no clock: a Plan contains the time at which it was
// made. A Plan is a copy that shares no memory with the running retention.
package retained
