// Package isobmff reads and writes the boxes of ISO base media files (ISO/IEC
// 14496-12). It knows boxes and their fields. What a file means, which of its
// boxes must be there and what is done about damage is for its callers.
//
// Readers take the payload of a box and return views into it or plain values.
// They never fail on content by panic, never allocate in proportion to what a
// field claims, and do work in proportion to the bytes that they are given. Where
// a box repeats an entry by a count, the caller bounds what it does for each:
// the package has no limits of its own but those of a header.
//
// Two kinds of files are read. Our own are exact: a caller compares what it reads
// with what it would have written. Those of others are read as far as they make
// sense: a reader reports by its last result whether all of a box was there.
//
// Writers append to one buffer that is used again and again. What is written per
// chunk and per sample is put down by hand, without an allocation per sample. The
// small header boxes, once per file, are go-mp4's to marshal. They are read by hand
// all the same: go-mp4 refuses a box that is cut, of which the rest is still useful.
package isobmff
