// Package stages holds the stages of a pipeline between a live stream and the parts of its files,
// and the stage exec. The code of a stage is in the file that has the stage's name in a
// declaration: gop_ring in gop_ring.go.
//
// The directory stages also holds the hub of live streams and the protocols that publish to the
// hub, and the stages that handle finished recordings, such as exec and webhook. The directory
// sinks holds the muxer, the catalogue, the code that keeps files and rows consistent, and the code
// that deletes both.
package stages
