// Package filename makes the names of the files of recordings from a pattern with placeholders,
// the setting filename_pattern. It does no I/O.
//
// A name is a path below the record directory. It never leads outside of it, is valid on every
// common file system, is not hidden and ends in .mp4. The error of Parse names the wrong
// character of a pattern and the correction. Directories recognises the directories that a
// pattern makes.
package filename
