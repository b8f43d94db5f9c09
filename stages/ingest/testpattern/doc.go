// Package testpattern is a live source that needs no camera: H.264 pictures
// that move and show their number and the time of day, and AAC sound that beeps
// in step with them.
//
//	testpattern://?size=640x360&fps=25&gop=50
//
// It registers the URL scheme with the hub; Parse lists the options. Generator makes the same stream without a clock,
// for tests and benchmarks.
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
// The pie is white during a beep. A small picture leaves out the parts that do not fit, the strip last. Decoding is
// exact (package h264), so ReadFrameNumber on every decoded picture finds each frame that is missing, repeated or
// damaged.
//
// # Time
//
// Frame n is shown at n/fps seconds of media time and is numbered n: media time and frame number stay in step,
// wherever the stream starts. The first frame of every whole second flashes, and the beep begins with it to the
// sample. Rounding errors do not accumulate: each time is computed from n.
package testpattern
