// Package mpegts writes MPEG transport streams (ISO/IEC 13818-1, ITU-T H.222.0), for programs that do not read MP4.
//
//	PAT PMT        before each key frame of the pictures, and at most 100 ms apart
//	PES packets    one for each access unit, with PTS and DTS at 90 kHz
//	PCR            at most 80 ms apart, half a second before the decoding time
//
// Times have 33 bits and begin again at 0 after 26.5 hours. NAL units have start codes; an access unit begins with a
// delimiter, and a key frame has the parameter sets before it. AAC has ADTS headers.
//
// At a change of the description of a track, and where time leaps by more than Leap, a packet has
// discontinuity_indicator. If the list of tracks or a codec changes, the next PMT has another version.
package mpegts
