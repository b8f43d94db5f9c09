// Package file reads MP4 files back into chunks. It does so for the source "file" of a pipeline, such as that of the
// command spool remux, and for a publisher of streams that are pulled from file:PATH?speed=realtime&loop=true.
//
//	Reader --*media.Chunk--> stage "file"                      (one copy: page cache to payload)
//	Reader --*media.Chunk--> player --media.AU--> hub.Publisher
//
// # Formats
//
//	ordinary   (ftyp | free | mdat)* moov{trak{tables}}      in any order
//	fragmented ftyp moov{mvex} (moof mdat)*                  with or without sidx, mehd, mfra
//
// The reader supports H.264 and H.265 with 4-byte NAL lengths, and the other codecs of package codec. It leaves out
// other tracks, and those whose sample entry is damaged, and names them in the log. It holds the moov in memory, reads an
// entry of its tables only when a sample needs it, and holds one fragment at a time. So its memory grows with the moov
// and not with the media. Frames of uncompressed sound of which each is a sample of the file become access units of 40
// ms.
//
// A fragmented file that is cut off, for example because it still grows, is read up to its last whole fragment. If
// an ordinary file is cut off in an mdat after its moov, the reader returns an error at the first missing sample, or
// at once if less than a quarter of the media is there.
//
// # Time
//
// The decoding time of a sample is that of the file, moved by the track's edit list: later by the duration of an
// empty edit, and earlier by the media time of the first other edit. So the tracks stay in sync. Samples that the edit
// list cuts from the front, such as AAC priming, get times before zero; the reader does not leave them out. If an edit
// list has several media edits, only the first counts, and the reader logs that.
package file
