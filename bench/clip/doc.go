// Package clip provides real H.264 and AAC for benchmarks, coded once by ffmpeg at a given bitrate and read into
// memory, to be played in a loop.
package clip
