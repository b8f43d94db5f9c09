// Package mp4 writes segments to MP4 files that play while they grow, survive a
// crash at any point, and are ordinary files when they are done. It is the stage
// "mp4", a transform of media.Part into media.Recording.
//
// # While a file grows
//
// It is NAME.mp4.part, made with O_EXCL and locked by its writer. A chunk is one
// write, and what a kill leaves is a playable file up to the last whole chunk.
//
//	fragment: false                      fragment: true
//	0        ftyp                        0        ftyp
//	         free(R)   the reserve                moov      mvex, mehd's place
//	k*4096   moov      mvex                       free(S)   the reserve
//	         (prft moof mdat)*           k*4096   moof mdat (prft moof mdat)*
//
//	prft     UTC of the fragment's first sample; a fragmented file's first has none,
//	         since its sidx must lead to a moof, and the entry tells its time
//	moof     mfhd, (tfhd tfdt trun [sbgp])*, uuid: padding, CRC32C
//	mdat     each track's samples, one track after another
//
// The two differ in the place of the reserve alone, because a sidx must stand
// immediately before the first fragment and behind the moov. Its end is on a page
// boundary, so that it can be given back in whole blocks. It is allocated when
// the file is made, but not written.
//
// The CRC32C covers all of the fragment but itself and starts from the segment's
// ID: zeros, a torn write, and a whole fragment of an older file on the same
// blocks are all told from a chunk of this file. It is inside the moof, the last
// box there, so that players see nothing unusual between fragments.
//
// # When it is finished
//
// Not one byte of media is moved. Each form is one commit: everything is written
// behind a free box that hides it, fsync, the free box's size is changed, fsync;
// then the name, and the directory's fsync. See finalise.go for the drawings.
//
//	moov fits        ftyp free(8) moov free(..) mdat{ growing moov, fragments }
//	moov does not    ftyp free(..) mdat{ growing moov, fragments, 8 bytes } moov
//	fragment: true   ftyp moov{mehd} free(..) sidx moof mdat (prft moof mdat)* free(8)
//	no room at all   as it grew, with mehd: a valid fragmented file
//
// The sidx has a reference for each fragment and stops 8 bytes before the end:
// seek.md has the measurements of eight forms in six players.
//
// The padding between moov and mdat is not written, so finishing costs what the
// moov takes and not what was reserved. A padding too small for a box of its own
// is left inside the mdat.
//
// # Time
//
// The movie's zero is the earliest first presentation time of the tracks in the
// first chunk. Composition offsets stay as they came, with an edit list whose
// media_time is the first one, in the growing moov as in the final one; a track
// that comes later starts at its tfdt while the file grows and behind an empty
// edit when it is finished. (Negative offsets without an edit list would be
// simpler, but ffmpeg 5.1 moves fragmented pictures by the reorder delay against
// the sound then.) Prft and the entry carry the wall clock.
//
// # The entry
//
// Every moov carries the file's catalogue entry (entry.go draws it), so that the
// catalogue can be rebuilt from the disk alone. Once the file is finished nothing of it
// changes any more: what SetProtected and AddEvents say stands beside it (package facts).
//
// # The sample index
//
// Beside each finished file there is a small index of its samples, which is read in
// parts: see packages sampleindex and pipeline/isobmff/index. It is written when a file is
// finished, from the columns that the moov is made of, and after a recovery. The
// file is complete without: an index that is missing is made from it. README.md tells
// operators what else lies in a record directory.
//
// # Recovery
//
// Recover and Repair scan a growing file, check every chunk, and run the same
// finaliser over what is whole. A damaged chunk in the middle costs what follows
// up to the next key frame; from the last whole chunk on the file is cut off. A
// file that this or another process writes is never touched, nor one that is not
// ours. RepairAny also makes repaired copies of damaged files of other programs
// (package repair), and never changes those.
//
// That a power cut at any moment leaves what the syncs promised, and that each
// sync is needed, is what powercut_test.go shows on a simulated disk.
//
// # Errors
//
// After a failed write the file is cut back to its last whole chunk and finished
// from its reserve, which works on a full disk too; the recording ends with
// endcause.Error. After a failed fsync nothing more is asked of the file: it stays
// NAME.mp4.part until recovery has read it back.
//
// Whether a file could be begun now, with or without a recording that needs one, is
// for disk.Writable to say: it tells want of inodes from want of room, and
// another directory in the place of the right one.
//
// The run goes on: outage.go says what becomes of what comes while the disk takes
// nothing. A file is told of once it holds a chunk, and one that cannot get any is
// removed. An error that is not the disk's, such as a chunk that does not fit its
// segment, fails the run.
//
// # Where to look
//
//	stage.go                    the stage: create, tell, sync, finish, outage, stats
//	file.go                     a file while it grows: moof, moov, track, gaps, sidx
//	seal.go                     the checksum of a chunk, written and checked
//	finalise.go                 how a file is finished
//	scan.go, parse.go           how a growing file is read
//	recover.go, rebuild.go      what a crash left
//	entry.go, events.go         the catalogue entry; mark.go changes what is known beside it
//	disk/                       the record directory and its file system
//	filename/                   the names of files
//	repair/                     damaged files of other programs
//	facts/                      what is known of a finished file beside it
//	sampleindex/                the sample index of a finished file beside it
//	powercut/                   a disk that tests cut the power of
package mp4
