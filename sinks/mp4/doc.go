// Package mp4 writes segments to MP4 files that play while they grow, survive a crash at any
// point, and are ordinary files when they are finished. It is the stage "mp4", a transform of
// media.Part into media.Recording.
//
// # The growing file
//
// The file is NAME.mp4.part, created with O_EXCL and locked by its writer. Each chunk is one
// write: after a kill the file is playable up to the last whole chunk.
//
//	fragment: false                      fragment: true
//	0        ftyp                        0        ftyp
//	         free(R)   the reserve                moov      mvex, mehd's place
//	k*4096   moov      mvex                       free(S)   the reserve
//	         (prft moof mdat)*           k*4096   moof mdat (prft moof mdat)*
//
//	prft     UTC of the fragment's first sample; the first fragment of a fragmented file has
//	         none, since its sidx must refer to a moof: its time is in the entry
//	moof     mfhd, (tfhd tfdt trun [sbgp])*, uuid: padding, CRC32C
//	mdat     each track's samples, one track after another
//
// The two forms differ only in the place of the reserve, because a sidx must immediately
// precede the first fragment and follow the moov. The reserve ends on a page boundary, so that
// it can be given back in whole blocks. It is allocated when the file is created, but not
// written.
//
// The CRC32C covers the whole fragment except the CRC itself, and is seeded with the segment's
// ID. It therefore distinguishes a chunk of this file from zeros, from a torn write, and from
// a whole fragment that an older file left on the same blocks. It is the last box inside the
// moof, so that players see no unusual box between fragments.
//
// # The finished file
//
// Finishing moves no media. Each form has one commit: all boxes are written behind a free box
// that hides them, fsync, the size of the free box is changed, fsync; then follow the rename
// and the directory's fsync. finalise.go has the drawings.
//
//	moov fits        ftyp free(8) moov free(..) mdat{ growing moov, fragments }
//	moov does not    ftyp free(..) mdat{ growing moov, fragments, 8 bytes } moov
//	fragment: true   ftyp moov{mvhd mehd} free(..) sidx moof mdat (prft moof mdat)* free(8)
//	no room at all   as it grew, with mehd and the duration in mvhd: a valid fragmented file
//
// The sidx has a reference for each fragment and stops 8 bytes before the end:
// seek.md has the measurements of eight forms in six players.
//
// The padding between moov and mdat is not written, so finishing writes the moov only, not the
// whole reserve. Padding too small for a box of its own becomes part of the mdat.
//
// # Time
//
// The movie's zero is the earliest first presentation time of the tracks in the first chunk.
// Composition offsets keep their values, with an edit list whose media_time is the first
// offset, in the growing moov and in the final one. A track that starts later starts at its
// tfdt while the file grows and behind an empty edit when it is finished. (Negative offsets
// without an edit list would be simpler, but ffmpeg 5.1 then shifts fragmented video by the
// reorder delay against the audio.) The prft boxes and the entry carry the wall clock.
//
// # The entry
//
// Every moov carries the file's catalogue entry (entry.go draws it), so that the catalogue can
// be rebuilt from the disk alone. A finished file is immutable: SetProtected and AddEvents
// write their changes beside it (package facts).
//
// # The sample index
//
// Beside each finished file is a small index of its samples, which can be read in parts: see
// packages sampleindex and pipeline/isobmff/index. It is written from the sample tables when a
// file is finished, and after a recovery. It is redundant: a missing index is built from the
// file. README.md describes the other files of a record directory for operators.
//
// # Recovery
//
// Recover and Repair scan a growing file, check every chunk, and finalise the whole chunks
// with the same code. After a damaged chunk in the middle, the chunks up to the next key frame
// are lost; the file is truncated after the last whole chunk. Recovery never changes a file
// that this or another process writes, or that is not ours. RepairAny also makes repaired
// copies of damaged files of other programs (package repair), and never changes the originals.
//
// powercut_test.go proves on a simulated disk that a power cut at any moment keeps what the
// syncs promised, and that each sync is needed.
//
// # Errors
//
// After a failed write the file is truncated to its last whole chunk and finished from its
// reserve, which works on a full disk too; the recording ends with endcause.Error. After a
// failed fsync the file is not written any more: it stays NAME.mp4.part until recovery has
// read it back.
//
// disk.Writable reports whether a file could be created now, with or without a recording
// that needs one. It distinguishes a lack of inodes from a lack of room, and detects another
// directory in the place of the record directory.
//
// The run continues: outage.go handles the chunks that arrive while the disk accepts none. A
// file is announced once it holds a chunk; a file that gets none is removed. An error that is
// not the disk's, such as a chunk that does not fit its segment, fails the run.
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
