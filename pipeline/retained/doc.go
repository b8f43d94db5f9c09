// Package retained has the words in which retention tells what a disk keeps, what goes
// next and why: sinks/retention makes a Plan, package api answers with it, and spool
// retention prints it.
//
// The package decides nothing, deletes nothing and asks no clock: a Plan carries the
// reading by which it was made. It is a copy, and shares nothing with what goes on.
package retained
