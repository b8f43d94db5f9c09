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
// The reader supports H.264 and H.265 with 4-byte NAL lengths and AAC. It leaves out other tracks and names them in
// the log. It reads the tables in place in the moov, each entry when its sample's turn has come, and the fragments
// one after another: memory grows with the moov, not with the movie.
//
// A fragmented file that is cut off, for example because it still grows, is read up to its last whole fragment. An
// ordinary file that is cut off causes an error at the first missing sample.
//
// # Time
//
// A sample's decoding time is the file's, moved by the track's edit list: later by the empty edit, and earlier by the
// media time of the first edit. The tracks therefore stay in sync. Samples that an edit list cuts from the front (AAC
// priming) get negative times and are kept: the reader leaves out no sample of the file. Of an edit list with several
// media edits only the first counts, and the reader logs this.
package file
