// Package mp4 writes segments to MP4 files that play while they grow, survive a crash at any
// point, and are ordinary files when they are finished. It is the stage "mp4", a transform of
// media.Part into media.Recording.
//
// # The growing file
//
// The file is NAME.mp4.part, created with O_EXCL and locked by its writer. Each chunk becomes
// one fragment, in one write: after a kill the file is playable up to the last whole chunk.
//
//	fragment: false                      fragment: true
//	0        ftyp                        0        ftyp
//	         free(R)   the reserve                moov{mvex}
//	k*4096   moov{mvex}                           free(S)   the reserve
//	         (prft moof mdat)*           k*4096   moof mdat (prft moof mdat)*
//
//	mvex     begins with a free box, which becomes mehd if the file is finished as fragmented
//	prft     UTC of the fragment's first sample. With fragment: true the first fragment has
//	         no prft, since the sidx must refer to its moof: its UTC is the entry's start
//	moof     mfhd, (tfhd tfdt trun [sbgp])*, uuid: padding, CRC32C
//	mdat     each track's samples, one track after another
//
// The two forms differ only in the place of the reserve, because a sidx must immediately
// precede the first fragment and follow the moov. The reserve ends on a page boundary, so that
// its blocks can be deallocated. They are allocated when the file is created, but not written.
//
// The CRC32C covers the whole fragment except the CRC itself, and is seeded with the segment's
// ID. It therefore distinguishes a fragment of this file from zeros, from a torn write, and from
// a whole fragment that an older file left on the same blocks. Its box is the last one inside
// the moof, so that players see no unusual box between fragments.
//
// # The finished file
//
// Finishing moves no media. The new boxes are written inside a free box, which hides them, and
// synced. Then the size of the free box is changed, which shows them and commits the finished
// form, and synced. The rename to the final name and the directory's fsync follow. finalise.go
// draws the steps. The four finished forms:
//
//	the moov fits into the reserve   ftyp free(8) moov free(..) mdat{ growing moov, fragments }
//	the moov does not fit            ftyp free(..) mdat{ growing moov, fragments, 8 bytes } moov
//	fragment: true                   ftyp moov{mvhd mehd} free(..) sidx moof mdat (prft moof mdat)* free(8)
//	the disk has no room             as it grew, with mehd and the duration in mvhd: a fragmented file
//
// The sidx has one reference for each subsegment of about fragment_duration, and its references
// end 8 bytes before the end of the file: seek.md compares eight forms of index in six players.
//
// The padding between moov and mdat is not written, so finishing writes the moov only, not the
// whole reserve. Padding too small for a box of its own becomes part of the mdat.
//
// # Time
//
// Time 0 of the movie is the presentation time of the first sample in the first chunk; of
// several tracks' first samples, the earliest. Composition offsets keep their values: an edit
// list, in the growing and in the final moov, has the first offset as its media_time. For a
// track that begins later than time 0, the tfdt gives the start while the file grows, and an
// empty edit in the finished file. (Negative offsets without an edit list would be simpler, but
// ffmpeg 5.1 then shifts fragmented video by the reorder delay against the audio.) The prft
// boxes and the catalogue entry carry the wall clock.
//
// # The entry
//
// Every moov carries the file's catalogue entry, a uuid box with the properties of the recording
// (entry.go draws it), so that the catalogue can be rebuilt from the disk alone. A finished file
// is immutable: SetProtected and AddEvents write their changes beside it (package facts).
//
// # The sample index
//
// The record directory has a small index of the samples of each finished file, which can be
// read in parts: see packages sampleindex and pipeline/isobmff/index. It is written from the
// sample tables when a file is finished, and after a recovery. It is redundant: a missing index
// is built from the file. README.md describes all files of a record directory for operators.
//
// # Recovery
//
// Recover and Repair scan a growing file, check every chunk, and finish the file with its whole
// chunks by the same code as the stage. After a damaged chunk in the middle, the chunks up to
// the next key frame are lost; the file is truncated after the last whole chunk. Recovery never
// changes a file that this or another process writes, or that spool did not write. RepairAny
// also makes repaired copies of damaged files of other programs (package repair), and never
// changes the originals.
//
// powercut_test.go proves on a simulated disk that a power cut at any moment leaves all media
// that a sync had made durable, and that each sync is needed.
//
// # Errors
//
// After a failed write the file is truncated to its last whole chunk and finished in its
// reserve, which works on a full disk too; the recording ends with endcause.Error. After a
// failed fsync the file is not written any more: it stays NAME.mp4.part until recovery has
// read it back.
//
// A disk error does not end the run: outage.go handles the chunks that arrive while the disk
// accepts none. The stage emits the recording of a file once the file holds a chunk, and
// removes a file that gets none. Any other error, such as a chunk that does not fit its segment,
// fails the run.
//
// disk.Writable reports whether a file could be created now, even while no recording needs one.
// It distinguishes a lack of inodes from a lack of room, and detects another directory in the
// place of the record directory.
//
// # Files and packages
//
//	stage.go                    the stage: create, announce, sync, finish, outage, stats
//	file.go                     a growing file: moof, moov, track, gaps, sidx
//	seal.go                     the checksum of a chunk, written and checked
//	finalise.go                 finishing a file
//	scan.go, parse.go           reading a growing file
//	recover.go, rebuild.go      recovery after a crash
//	entry.go, events.go         the catalogue entry; mark.go changes the facts beside it
//	disk/                       the record directory and its file system
//	filename/                   the names of files
//	repair/                     damaged files of other programs
//	facts/                      protection and events of a finished file, stored beside it
//	sampleindex/                the sample index of a finished file, stored beside it
//	powercut/                   a disk for tests that simulate power cuts
package mp4
