// Package clip is known content for benchmarks: real H.264 and AAC, coded once
// by ffmpeg at a given bitrate and read into memory, to be played in a loop.
package clip
