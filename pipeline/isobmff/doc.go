// Package isobmff reads and writes the boxes of ISO base media files (ISO/IEC 14496-12). It
// handles single boxes and their fields. Its callers decide which boxes a file has, what they
// mean together, and how to treat damage.
//
// A reader takes the payload of a box: its bytes after the header. It returns plain values and
// views, which share the memory of the payload. Readers never panic on content, never allocate
// in proportion to the value of a field, and work in proportion to the bytes they are given. A
// count in a table may claim any number of samples: the caller must limit its work for each.
//
// A box that ends before all its fields is cut. Its missing fields read as 0, and the last result
// of the reader, named whole or ok, is false: so a caller can use the present part of a damaged
// box, or refuse the box.
//
// A Writer appends boxes to one buffer that is reused. Boxes that are written for each chunk or
// sample are encoded by hand, without an allocation per sample. go-mp4 encodes the small boxes
// that are written once a file. All boxes are parsed by hand, because go-mp4 returns nothing of a
// cut box.
package isobmff
