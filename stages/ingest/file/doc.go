// Package file reads MP4 files back into chunks: as the source "file" of a
// declared pipeline (spool remux is one), and as a publisher, for streams that
// are pulled from file:PATH?speed=realtime&loop=true.
//
//	Reader --*media.Chunk--> stage "file"                      (one copy: page cache to payload)
//	Reader --*media.Chunk--> player --media.AU--> hub.Publisher
//
// # What is read
//
//	ordinary   (ftyp | free | mdat)* moov{trak{tables}}      in any order
//	fragmented ftyp moov{mvex} (moof mdat)*                  whether sidx, mehd, mfra are there or not
//
// H.264 and H.265 with 4-byte NAL lengths and AAC; other tracks are left out and
// named in the log. Tables are read where they lie in the moov, an entry when
// its sample's turn has come, and fragments one after another: memory is what
// the moov takes, not what the movie has.
//
// A fragmented file that is cut off, such as one that is still growing, is read
// up to its last whole fragment. An ordinary file that is cut off is an error at
// the first sample that is not there.
//
// # Time
//
// A sample's decoding time is the file's, moved by the track's edit list: by the
// empty edit before it, and back by the media time of the first edit. So tracks
// stay together, and what an edit list cuts from the front (priming of AAC) has
// negative times and is kept: nothing that was in the file is left out. Of an
// edit list with several stretches of media the first counts, and the log says
// so.
package file
