// Package stages holds the stages between a live stream and its files, one
// file each. A stage's file name is its name in a declaration.
//
// The directory stages has what media goes through up to the parts of a file, the hub
// of live streams and the protocols that fill it among it. The directory sinks has what
// lies on the disk and in the catalogue: the muxer, the rows, their agreement, and what
// deletes both. What goes on from a finished recording, as exec and webhook, is a stage.
package stages
