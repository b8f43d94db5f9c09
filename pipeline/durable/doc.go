// Package durable makes files and directories that a power cut does not take back,
// and never leaves one by half. The order is always the same:
//
//	a file       bytes -> fsync -> rename -> fsync of its directory
//	a directory  mkdir -> fsync of the one above, level by level
//
// Whoever promises something by a file (an answered request, a notice that is taken)
// promises it after Replace or MkdirAll has returned, and not before.
//
// Recordings and the catalogue's journal have disks of their own: they append. All
// operations go through FS, so that a test can record them and cut the power after
// any of them.
package durable
