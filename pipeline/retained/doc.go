// Package retained describes what a disk keeps, what retention deletes next, and why:
// sinks/retention makes a Plan, package api returns it, and the command spool retention prints it.
//
// The package decides nothing, deletes nothing and reads no clock: a Plan includes the clock
// reading with which it was made. A Plan is a copy and shares no memory with the running retention.
package retained
