// Package durable creates and replaces files and directories. A power cut cannot undo a change whose function has
// returned nil, and never leaves a partial file under the final name. The order of the steps is always the same:
//
//	a file       bytes -> fsync -> rename -> fsync of its directory
//	a directory  mkdir -> fsync of its parent, level by level
//
// Code that promises something by a file, such as the answer to a request, makes the promise only after Replace
// or MkdirAll has returned.
//
// Recordings and the catalogue's journal append to files; they have disk interfaces of their own. All
// operations of this package go through FS, so that a test can record them and simulate a power cut after each
// operation.
package durable
