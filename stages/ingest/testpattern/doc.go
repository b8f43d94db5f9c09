// Package testpattern is a live source that needs no camera: H.264 pictures
// that move and show their number and the time of day, and AAC sound that beeps
// in step with them.
//
//	testpattern://?size=640x360&fps=25&gop=50
//
// It registers the URL scheme with the hub; Parse lists the options. Generator
// is the same stream without a clock, for tests and benchmarks.
//
// # The picture
//
//	|####  ## ###    strip: frame number and CRC-8, 40 cells    |
//	|                     colour bars                           |
//	|              0000123    frame number                      |
//	|            10:59:52.040Z    wall clock of the frame       |
//	|               640X360 25FPS                               |
//	|  grey ramp                                                |
//	|       o  ball, there and back in 4 s           pie, 1 s   |
//
// The pie is white while it beeps. What does not fit a small picture is left out, the strip last. Decoding is
// exact (package h264), so ReadFrameNumber on every decoded picture finds each
// frame that is missing, repeated or damaged on the way.
//
// # Time
//
// Frame n is shown at n/fps seconds of media time and is numbered n: media time
// and frame number never part, wherever the stream starts. Every whole second
// the first frame flashes, and the beep begins with it to the sample. There is
// no accumulated rounding: each time is computed from n.
package testpattern
