// Package filename makes the names of recordings' files below their record directory from a
// pattern with placeholders, filename_pattern. It does no I/O.
//
// Every name stays inside the directory, is valid on every common file system, is not hidden and
// ends in .mp4. Parse reports the place of an error in a pattern and its correction. Directories
// recognises the directories that a pattern makes.
package filename
