// Package durable creates and replaces files and directories so that a power cut cannot undo
// a finished change, and never leaves a partial one. The order is always the same:
//
//	a file       bytes -> fsync -> rename -> fsync of its directory
//	a directory  mkdir -> fsync of its parent, level by level
//
// A promise that depends on a file (an answered request, an accepted notice) is made after
// Replace or MkdirAll has returned, and not before.
//
// Recordings and the catalogue's journal append to files and have their own disk interfaces.
// All operations go through FS, so that a test can record them and simulate a power cut after
// each.
package durable
