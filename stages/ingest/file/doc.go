// Package file reads MP4 files back into chunks: as the source "file" of a
// declared pipeline (spool remux is one), and as a publisher, for streams that
// are pulled from file:PATH?speed=realtime&loop=true.
//
//	Reader --*media.Chunk--> stage "file"                      (one copy: page cache to payload)
//	Reader --*media.Chunk--> player --media.AU--> hub.Publisher
//
// # Formats
//
//	ordinary   (ftyp | free | mdat)* moov{trak{tables}}      in any order
//	fragmented ftyp moov{mvex} (moof mdat)*                  with or without sidx, mehd, mfra
//
// The reader supports H.264 and H.265 with 4-byte NAL lengths, and AAC. It leaves out other tracks and names them
// in the log. It reads the entries of the tables in the moov as samples need them, and one fragment after another,
// so its memory grows with the moov and not with the media.
//
// A fragmented file that is cut off, for example because it still grows, is read up to its last whole fragment. An
// ordinary file that is cut off causes an error at the first missing sample.
//
// # Time
//
// The decoding time of a sample is that of the file, moved by the track's edit list: later by the duration of an
// empty edit, and earlier by the media time of the first other edit. So the tracks stay in sync. Samples that the
// edit list cuts from the front, such as AAC priming, get negative times; the reader leaves out no sample. If an
// edit list has several media edits, only the first counts, and the reader logs that.
package file
