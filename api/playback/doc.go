// Package playback opens and sends footage: files of the record directory by their
// names, finished ones and those that grow, to any number of readers, with ranges and
// conditions (RFC 9110).
package playback
