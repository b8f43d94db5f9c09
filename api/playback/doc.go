// Package playback opens and sends recordings: files of the record directory by their names,
// finished and growing ones, to any number of readers, with ranges and conditions (RFC 9110).
package playback
