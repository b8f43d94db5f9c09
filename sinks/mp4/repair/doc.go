// Package repair makes repaired copies of damaged MP4 files of other programs, and never changes
// the originals. Recovery, in package mp4, finishes this program's own files in place after a
// crash.
//
// The boxes of a file determine its kind, and so the form of the copy:
//
//	kind         boxes of the damaged file                  repaired copy
//	fragmented   ftyp moov{mvex} (.. moof mdat)*            ends behind the last whole fragment
//	hybrid       ftyp mdat{ moov{mvex} (.. moof mdat)* ..   the mdat's header is a free box again
//	plain        ftyp moov mdat, mdat truncated or zeroed   has a new moov with the intact samples, at the end
//	             ftyp mdat                                  none: the samples have no boundaries
//
// Such a file has no checksums. The repair therefore checks the content of its samples: the NAL
// units must fill each sample of H.264 and H.265 exactly, and a sample of another codec that writes
// no long runs of zeros (codec.Dense) must have none. The bytes read and the memory allocated are
// proportional to the file's length, whatever its tables claim.
//
//	damaged.go       determines the kind of the file
//	fragments.go     selects the fragments to keep; fragment.go checks each
//	samples.go       selects the samples to keep, from the tables that sampletable.go reads
//	newmoov.go       writes the moov for the kept samples; newtables.go its sample tables
//	content.go       checks the content of a sample
//	copy.go          describes, writes and checks the copy
package repair
