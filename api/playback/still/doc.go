// Package still answers requests for one picture of a stream: the last key frame that is presented
// at or before a moment of the wall clock.
//
//	Server   a moment -> a response with the picture, as MP4 or as JPEG
//	frame    the key frame: where it is in which recording, and its MP4 file of one sample
//	Decoder  makes a JPEG of such a file by ffmpeg, which need not be installed
//
// # Which picture
//
// A moment inside a recording has the last key frame of that recording at or before it, however
// long ago that is. So has a moment up to a second after the end of a recording, because files that
// follow each other border by the clock only so closely. Every other moment is in a gap and has no
// picture, unless the request says how far back a picture may be: then the last key frame of the
// recording that ended last is the answer.
//
// # The MP4 file
//
//	ftyp moov{ mvhd trak{ .. stbl{ the recording's sample entry, one sample } } } mdat
//
// Only the boxes before the media are made, the media is read from the recording's file while the
// response is sent. The same picture has the same bytes and the same ETag, whether its recording
// still grows or is finished, provided that a picture follows it: only then its duration is known.
package still
