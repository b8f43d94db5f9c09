// Package clip provides media for benchmarks: a few seconds of H.264 that ffmpeg codes once at a given bitrate, read
// into memory to be repeated in a loop, and silence in frames of AAC.
package clip
