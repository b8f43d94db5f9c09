// Package mpegts makes an MPEG transport stream of a movie, for programs that do not read MP4. Package mpegts of the pipeline writes it.
//
// The stream begins with the key frame that the first picture needs: there is no edit list that could hide the pictures before it.
package mpegts
