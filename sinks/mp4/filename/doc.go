// Package filename makes the names of recordings' files below their record directory
// from a pattern with placeholders, filename_pattern. It does no I/O.
//
// Every name that it makes stays inside the directory, is taken by every common file
// system, hides nothing and ends in .mp4. Parse says where a pattern is wrong and what to
// write in its place. Directories tells the directories that a pattern makes from others.
package filename
