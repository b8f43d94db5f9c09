// Package units reads the access units of recordings, in the order in which an output sends them. It implements package footage.
//
//	catalogue --search--> clip.Clip --open--> section: a cursor for each track --reader--> footage.Unit
//
// A reader has one recording open. It looks up the next one when the present one ends, so that its memory does not depend on the
// length of a span, and a recording that has begun meanwhile is found.
package units
