// Package mpegts writes a movie as an MPEG transport stream (ISO/IEC 13818-1), for programs that do not read MP4.
//
//	PAT PMT            before each key frame, and after every 40 access units
//	PES packets        one for each access unit, with PTS and DTS at 90 kHz
//	packets with PCR   at most 80 ms apart, half a second before the decode time
//
// Times have 33 bits and begin again at 0 after 26.5 hours. The stream begins with the key frame that the first picture needs: there
// is no edit list that could hide the pictures before it. NAL units have start codes; an access unit begins with a delimiter, and a key frame
// has the parameter sets before it. AAC has ADTS headers.
//
// At a change of the description of a track, and where time leaps by more than a second, a packet has discontinuity_indicator. If the codec
// changes, the next PMT has another version.
package mpegts
