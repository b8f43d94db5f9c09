// Package testpattern is a live source that needs no camera: H.264 pictures that move and show their number and the
// time of day, and AAC sound that beeps in step with them.
//
//	testpattern://?size=640x360&fps=25&gop=50
//
// It registers the scheme testpattern with the hub; Parse reads the options of a URL. Generator makes the same
// stream without a clock, for tests and benchmarks.
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
// The pie is white during a beep. A small picture has only the parts that fit; the strip is the last part to be left
// out. Decoding is exact (see package h264), so ReadFrameNumber, applied to every decoded picture, finds each frame
// that is missing, repeated or damaged in the strip.
//
// # Time
//
// Frame n is shown at n/fps seconds of media time and has the number n, so media time and frame number agree
// wherever the stream starts. With the first frame of every whole second the pie turns white, and a beep begins exactly
// at the time of that frame. Each time is computed from n, so that rounding errors do not add up.
package testpattern
