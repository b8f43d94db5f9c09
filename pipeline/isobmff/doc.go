// Package isobmff reads and writes the boxes of ISO base media files (ISO/IEC 14496-12). It
// knows boxes and their fields. The callers decide what a file means, which boxes it needs, and
// how damage is handled.
//
// Readers take the payload of a box and return views into it or plain values. They never panic
// on content, never allocate in proportion to the value of a field, and do work in proportion
// to the bytes they are given. If a box repeats an entry by a count, the caller bounds its work
// for each entry: the package has no limits except that of a header.
//
// Files of two kinds are read. The caller compares our own files exactly with the bytes that it
// would have written. Foreign files are read as far as they are valid: a reader reports by its
// last result whether the box was complete.
//
// Writers append to one buffer that is reused. Boxes written for each chunk or sample are
// encoded by hand, without an allocation per sample. go-mp4 encodes the small header boxes, once
// a file. They are parsed by hand, because go-mp4 refuses a cut box whose rest is still useful.
package isobmff
