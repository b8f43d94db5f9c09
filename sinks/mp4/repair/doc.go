// Package repair makes repaired copies of damaged MP4 files of other programs, and never changes
// the originals. Recovery, in package mp4, finishes this program's own files in place after a
// crash.
//
// The boxes alone determine the kind of another program's file:
//
//	fragmented   ftyp moov{mvex} (.. moof mdat)*            truncated behind the last whole fragment
//	hybrid       ftyp mdat{ moov{mvex} (.. moof mdat)* ..   the mdat's header becomes a free box again
//	plain        ftyp moov mdat, mdat truncated or zeroed   tables of the remaining samples, moov last
//	             ftyp mdat                                  beyond help: the samples have no boundaries
//
// Such a file has no checksums, so that its content is checked: the NAL units must tile each
// video sample, and no sample may be zeros. The bytes read and the memory allocated are
// proportional to the file's length, whatever the file claims.
//
//	damaged.go       determines the kind of the file
//	fragments.go     selects the fragments to keep; fragment.go checks each
//	samples.go       selects the samples to keep, from the tables that sampletable.go reads
//	newmoov.go       writes the moov of the kept samples; newtables.go their sample tables
//	content.go       checks a sample's content
//	copy.go          the plan of the copy, its writing and its check
package repair
