// Package repair makes repaired copies of damaged MP4 files of other programs, which are
// never changed. What a crash left of this program's own files is finished in place by
// recovery, in package mp4.
//
// A file of another program is looked at from its boxes alone:
//
//	fragmented   ftyp moov{mvex} (.. moof mdat)*            cut behind the last whole fragment
//	hybrid       ftyp mdat{ moov{mvex} (.. moof mdat)* ..   the mdat's header becomes a free box again
//	plain        ftyp moov mdat, mdat cut or zeroed         tables of what is there, moov last
//	             ftyp mdat                                  beyond help: nothing tells the pictures apart
//
// It carries no checksums, so that what is whole is judged by its content: the NAL units
// must tile each picture, and no sample may be zeros. What is read, and what is
// allocated, is in proportion to the file's length, whatever the file says.
//
//	damaged.go       what the file is
//	fragments.go     which fragments are kept, fragment.go which of them are whole
//	samples.go       which samples are kept, by the tables that sampletable.go reads
//	newmoov.go       the moov of what is kept, newtables.go its sample tables
//	content.go       whether a sample is as it should be
//	copy.go          the plan of the copy, its writing and its proof
package repair
